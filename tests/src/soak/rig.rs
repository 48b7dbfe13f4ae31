//! A signer, its KMS, and a node.

use std::time::Duration;

use anyhow::Result;
use ed25519_dalek::VerifyingKey;
use tokio::task::{block_in_place, spawn_blocking};
use tokio::time::{Instant, sleep};

use super::MOST_MEBIBYTES;
use super::row::{Row, float};
use crate::fake_kms::{FakeKms, Fault, Method};
use crate::fake_server::{For, Front};
use crate::metrics;
use crate::node_client::{Load, NodeClient, Report};
use crate::procfs;
use crate::signer_process::{SignerProcess, TOKEN, get, in_kms};

const MEBIBYTE: f64 = 1_048_576.0;

/// All three. The node's counters begin at 0.
pub struct Rig {
    pub kms: FakeKms,
    pub signer: SignerProcess,
    pub node: NodeClient,
    pub key: VerifyingKey,
}

/// The results of votes during and after an outage.
pub struct Endured {
    pub report: Report,
    pub attempts_per_second: f64,
    /// From the end of the outage to the last signature.
    pub signed_after: Duration,
}

impl Rig {
    /// A ready signer with a healthy KMS.
    pub async fn start() -> Result<Self> {
        let kms = FakeKms::start([42; 32])?;
        let endpoint = kms.endpoint();
        let signer = spawn_blocking(move || SignerProcess::start(&in_kms(&endpoint))).await??;
        Ok(Self {
            key: kms.verifying_key(),
            kms,
            node: node(signer.port())?,
            signer,
        })
    }

    /// Another node of the same signer, with its own connections.
    pub fn another_node(&self) -> Result<NodeClient> {
        node(self.signer.port())
    }

    /// From now on, every signature takes KMS this long.
    pub fn delay(&self, delay: Duration) {
        self.kms
            .faults(Method::AsymmetricSign)
            .push(Fault::Delay(delay), For::Ever);
    }

    pub async fn load(&self, load: Load) -> Result<Report> {
        load.run(&self.node, &self.key).await
    }

    /// KMS is unavailable during the load, after which a minute remains for signing.
    pub async fn endure(&self, front: Front, rate: u32, outage: Duration) -> Result<Endured> {
        self.kms.set_front(front).await?;
        let load = Load {
            rate,
            count: None,
            duration: Some(outage),
            patience: Duration::from_mins(1),
        };
        let end = async {
            sleep(outage).await;
            let attempts = self.node.report().attempts;
            self.kms.set_front(Front::Serving).await?;
            anyhow::Ok((Instant::now(), attempts))
        };
        let (report, ended) = tokio::join!(self.load(load), end);
        let now = Instant::now();
        let (ended, attempts) = ended?;
        Ok(Endured {
            report: report?,
            attempts_per_second: float(attempts) / outage.as_secs_f64(),
            signed_after: now - ended,
        })
    }

    /// The sum of the signer's counter with this name.
    pub fn counter(&self, name: &str) -> Result<f64> {
        let answer = block_in_place(|| get(self.signer.management_port(), "/prometheus"))?;
        metrics::sum(&answer.body, name)
    }

    /// The signer's maximum memory so far.
    pub fn memory(&self) -> Result<Row> {
        let bytes = procfs::peak_resident_bytes(self.signer.pid())?;
        Ok(Row::at_most(
            "most memory",
            "MiB",
            MOST_MEBIBYTES,
            float(bytes) / MEBIBYTE,
        ))
    }
}

fn node(port: u16) -> Result<NodeClient> {
    NodeClient::new(&format!("http://127.0.0.1:{port}"), TOKEN)
}

/// How many of the votes were signed, for rows about all of them.
pub fn signed(report: &Report) -> String {
    format!("{} of {} signed", report.signed, report.wished)
}
