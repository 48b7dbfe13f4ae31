//! From `helm install` to a voter that signs, on real pods: the suite of `make e2e`.

mod cluster;
mod figures;
mod google;
mod images;
mod network;
mod openbao;
mod place;
pub mod stand_in;
mod steps;
mod voter;

use std::time::Instant;

use anyhow::{Context, Result, ensure};

use self::cluster::Cluster;
pub use self::figures::{Figures, figures};
use self::google::Google;
use self::network::Network;
use self::place::Place;
use crate::process::Directory;

/// A cluster with a voter in it.
struct Suite {
    cluster: Cluster,
    /// Where voters send their last report, if anywhere.
    reports_to: Option<String>,
    /// The key version of the voter, and the Google service account of its pods.
    key_version: String,
    google_account: Option<String>,
    /// None if the cluster does not enforce NetworkPolicies.
    network: Option<Network>,
    started: Instant,
}

impl Suite {
    /// With a key in the stand-in for Google's services.
    fn with_google(cluster: Cluster, google: &Google) -> Self {
        Self {
            cluster,
            reports_to: Some(google.reports_to()),
            key_version: google::FIRST_KEY_VERSION.to_owned(),
            google_account: Some("signer@p.iam.gserviceaccount.com".to_owned()),
            network: None,
            started: Instant::now(),
        }
    }

    /// From here on, pods of operator and voter have only the documented connections.
    async fn restrict_network(&mut self) -> Result<()> {
        self.network = Network::restrict(&self.cluster).await?;
        self.holds(match self.network {
            Some(_) => {
                "NetworkPolicies are enforced: operator and voter run with the policies of the chart and of the documentation"
            }
            None => "left out: NetworkPolicies, which the network plugin of this cluster does not enforce",
        });
        Ok(())
    }

    /// Reports that a step has passed.
    fn holds(&self, what: &str) {
        println!("{:>5} s  {what}", self.started.elapsed().as_secs());
    }

    /// Reports the result, with the state of the cluster after a failure, and cleans up.
    async fn end<T>(self, seen: Result<T>) -> Result<T> {
        match seen {
            Ok(seen) => self.cluster.end().await.map(|()| seen),
            Err(error) => Err(self.cluster.fail(error).await),
        }
    }
}

/// Uses or creates a cluster, runs every step, and cleans up.
///
/// # Errors
/// The first step that failed, with the state of the cluster.
pub async fn run() -> Result<()> {
    let (cluster, google) = Cluster::with_google().await?;
    let mut suite = Suite::with_google(cluster, &google);
    suite.holds("a cluster is ready, with this tree's images and the stand-ins for Google's services");
    let done = async {
        suite.restrict_network().await?;
        steps::all(&suite).await
    };
    let done = done.await;
    suite.end(done).await
}

/// Runs the steps with Google's own services, except the steps in which these services must fail: on the cluster of
/// `KUBECONFIG`, with the key version of `E2E_GCP_KEY_VERSION`.
///
/// # Errors
/// The first step that failed, with the state of the cluster.
pub async fn run_in_google_cloud() -> Result<()> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let key_version = variable("E2E_GCP_KEY_VERSION")
        .context("E2E_GCP_KEY_VERSION is not set: name a key version that the ServiceAccount voter of the namespace atto may use")?;
    let google_account = variable("E2E_GCP_SERVICE_ACCOUNT");
    ensure!(
        variable("KUBECONFIG").is_some(),
        "KUBECONFIG is not set: name a cluster of Google Kubernetes Engine with Workload Identity"
    );
    let suite = Suite {
        cluster: Cluster::take().await?,
        reports_to: None,
        key_version,
        google_account,
        network: None,
        started: Instant::now(),
    };
    suite.holds("a cluster is ready, with this tree's images");
    let done = steps::in_google_cloud(&suite).await;
    suite.end(done).await
}

/// Starts two nodes on this computer for trials, until Ctrl-C.
///
/// # Errors
/// Names the programs that are missing on this computer.
pub async fn keep_nodes() -> Result<()> {
    let folder = Directory::new()?;
    let place = Place::own(|| images::pause(folder.path())).await?;
    println!("export KUBECONFIG={}", place.admin().path().display());
    println!("export E2E_LOAD='{}'", place.load_command());
    eprintln!("a cluster of two nodes runs until Ctrl-C; with these two variables, `make e2e` runs on it");
    tokio::signal::ctrl_c().await?;
    Ok(())
}
