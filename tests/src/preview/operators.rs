//! Two operators and some bindings with everyday events.

use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use super::Clock;
use super::prometheus::Target;
use crate::operated::{Operated, Place, VOTER, binding, secret, voter, with};
use crate::operator_process::OperatorProcess;
use crate::{ControlPlane, chart, pods};

/// A rollout takes a while on real nodes.
const POD_TAKES: Duration = Duration::from_secs(8);

/// Initial voters. The first two have the signers of this run.
const VOTERS: usize = 6;
const MISTAKEN: &str = "voter-mistaken";
const SECOND_TOKEN: &str = "token-2";

pub struct Operators {
    cluster: &'static ControlPlane,
    place: Place,
    first: Mutex<Option<OperatorProcess>>,
    second: OperatorProcess,
    first_port: u16,
    signers: [u16; 3],
    kubelet: JoinHandle<()>,
}

impl Operators {
    /// `signers` are the management ports of the signers with which the pods, which are on loopback here, answer.
    pub async fn start(signers: [u16; 3]) -> Result<Self> {
        static OPERATED: OnceLock<Operated> = OnceLock::new();
        let cluster = ControlPlane::shared().await?;
        chart::install(cluster.admin(), &[]).await?;
        let first = OperatorProcess::start(cluster, &["--max-rollouts=2"]).await?;
        first.becomes_leader().await?;
        let second = OperatorProcess::start(cluster, &["--max-rollouts=2"]).await?;
        let operated = OPERATED.get_or_init(|| Operated::by_the_test(cluster));
        let place = Place::on(operated, "atto").await?;
        pods::default_account(&place.client, &place.namespace).await?;
        Ok(Self {
            cluster,
            first_port: first.admin_port(),
            first: Mutex::new(Some(first)),
            second,
            signers,
            kubelet: kubelet(&place),
            place,
        })
    }

    pub fn targets(&self) -> Vec<Target> {
        let of = |port: u16, pod: &str| Target {
            port,
            job: "signer-operator-metrics",
            path: "/metrics",
            namespace: chart::NAMESPACE.to_owned(),
            pod: format!("signer-operator-7c9f8d6b5-{pod}"),
        };
        vec![of(self.first_port, "4hzkt"), of(self.second.admin_port(), "t8wrd")]
    }

    /// The whole script.
    pub async fn live(&self, clock: Clock) -> Result<()> {
        let at = |second: u64| clock.reaches(Duration::from_secs(second));
        at(5).await;
        for number in 0..VOTERS {
            self.bind(number).await?;
        }
        at(30).await;
        self.mistaken().await?;
        at(45).await;
        self.argue("argocd").await?;
        at(70).await;
        self.change_all().await?;
        at(100).await;
        self.place.kubectl_ok(&["delete", "signerbinding", &name(3)]).await?;
        at(112).await;
        self.cluster.kill_apiserver()?;
        self.cluster.start_apiserver().await?;
        at(135).await;
        let leader = self.first.lock().await.take().context("stopped before")?;
        tokio::task::spawn_blocking(move || leader.stop()).await??;
        at(155).await;
        self.place.apply(&self.binding_with(3, SECOND_TOKEN)).await
    }

    /// A voter and its binding.
    async fn bind(&self, number: usize) -> Result<()> {
        let name = name(number);
        self.place.apply(&named(voter(), &name)).await?;
        self.place.apply(&self.binding(number)).await
    }

    fn binding_with(&self, number: usize, token: &str) -> Value {
        with(self.binding(number), "/spec/tokenSecretRef/name", json!(token))
    }

    fn binding(&self, number: usize) -> Value {
        let port = self.signers[number.min(2)];
        with(
            named(binding(), &name(number)),
            "/spec/signer",
            json!({"ports": {"management": port}}),
        )
    }

    /// Names a missing Secret, permanently.
    async fn mistaken(&self) -> Result<()> {
        self.place.apply(&named(voter(), MISTAKEN)).await?;
        let mistaken = named(binding(), MISTAKEN);
        self.place
            .apply(&with(mistaken, "/spec/tokenSecretRef/name", json!("tokne")))
            .await
    }

    /// Another client's manifest pauses a Deployment and changes its signer's image. Without the pause, the guard would refuse
    /// it.
    async fn argue(&self, manager: &str) -> Result<()> {
        let name = name(2);
        let theirs = json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
            "spec": {
                "paused": true,
                "selector": {"matchLabels": {"app": name}},
                "template": {"spec": {"initContainers": [{"name": "signer", "image": "registry.example/other:1"}]}},
            },
        });
        let manager = format!("--field-manager={manager}");
        self.place
            .apply_with(&theirs, &["--server-side", "--force-conflicts", &manager])
            .await
    }

    /// Another token for all, with one rollout each.
    async fn change_all(&self) -> Result<()> {
        let value = "another-correct-horse-battery-staple-01";
        self.place.apply(&secret(SECOND_TOKEN, "value", value)).await?;
        for number in (0..VOTERS).filter(|number| *number != 2) {
            self.place.apply(&self.binding_with(number, SECOND_TOKEN)).await?;
        }
        Ok(())
    }
}

impl Drop for Operators {
    fn drop(&mut self) {
        self.kubelet.abort();
    }
}

fn name(number: usize) -> String {
    format!("{VOTER}-{}", number + 1)
}

/// A fixture with another name.
fn named(object: Value, name: &str) -> Value {
    let text = object
        .to_string()
        .replace(&format!("\"{VOTER}\""), &format!("\"{name}\""));
    serde_json::from_str(&text).unwrap_or(object)
}

/// Makes pods ready after a delay.
fn kubelet(place: &Place) -> JoinHandle<()> {
    let (client, namespace) = (place.client.clone(), place.namespace.clone());
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(POD_TAKES).await;
            // A failure is retried.
            let _ = pods::make_ready(&client, &namespace).await;
        }
    })
}
