//! `operator preflight`: everything that the operator needs of a cluster, before a voter depends on it.

mod crd;
pub mod finding;
mod guard;
mod others;
pub mod permissions;

use k8s_openapi::apimachinery::pkg::version::Info;
use kube::Client;

use self::finding::{Finding, Verdict, unavailable};
use crate::cluster::fence::Fence;
use crate::cluster::liveness::Liveness;
use crate::cluster::{connect, deadline};
use crate::model::scope::Scope;

/// Native sidecars are on by default from this minor version of Kubernetes 1 on.
const SIDECARS: u32 = 29;
/// A ValidatingAdmissionPolicy is served as v1 from this minor version of Kubernetes 1 on.
const GUARD: u32 = 30;

/// Looks at everything in the cluster of the service account or of KUBECONFIG, and returns a line for each thing.
///
/// # Errors
/// No cluster is configured.
pub async fn examine(scope: &Scope, lease_namespace: Option<String>) -> anyhow::Result<Vec<Finding>> {
    let client = connect::client(&Liveness::default(), &Fence::open()).await?;
    let namespace = lease_namespace.unwrap_or_else(|| client.default_namespace().to_owned());
    Ok(examine_with(&client, scope, &namespace).await)
}

async fn examine_with(client: &Client, scope: &Scope, lease_namespace: &str) -> Vec<Finding> {
    let version = match deadline("ask for the version", client.apiserver_version()).await {
        Ok(version) => version,
        Err(error) => return vec![unavailable("cluster", &error)],
    };
    let minor = minor(&version);
    vec![
        cluster(&version, minor),
        crd::examine(client, scope).await,
        permissions::examine(client, scope, lease_namespace).await,
        guard::examine(client, scope, minor >= GUARD).await,
        others::examine(client, scope, lease_namespace, minor >= GUARD).await,
    ]
}

fn cluster(version: &Info, minor: u32) -> Finding {
    let found = &version.git_version;
    if minor < SIDECARS {
        let text = format!(
            "found Kubernetes {found}, expected 1.{SIDECARS} or later: older ones do not start a signer before its node"
        );
        return Finding::new(Verdict::Unfit, "cluster", text);
    }
    Finding::new(Verdict::Ok, "cluster", format!("Kubernetes {found}"))
}

/// Managed clusters write `30+`.
fn minor(version: &Info) -> u32 {
    let digits: String = version.minor.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_cluster_is_told_what_it_lacks() {
        let version = |minor: &str| Info {
            major: "1".to_owned(),
            minor: minor.to_owned(),
            git_version: format!("v1.{minor}.0"),
            ..Info::default()
        };
        let find = |text: &str| cluster(&version(text), minor(&version(text))).to_string();
        assert_eq!(find("30+"), "cluster      ok: Kubernetes v1.30+.0");
        assert!(find("28").starts_with("cluster      FAILED: found Kubernetes v1.28.0, expected 1.29 or later"));
    }
}
