//! A signer process, the KMS behind it and the node before it.

use std::collections::BTreeSet;
use std::fs;
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use anyhow::{Result, ensure};
use ed25519_dalek::VerifyingKey;
use serde_json::Value;
use tests::eventually;
use tests::fake_kms::FakeKms;
use tests::node_client::{Load, NodeClient, Report};
use tests::process::{Directory, Port, Process};
use tests::signer_process::{Answer, TOKEN, environment, get, in_kms, program};

pub const PATIENCE: Duration = Duration::from_mins(1);

/// A signer that was started and may not be ready.
pub struct Signer {
    process: Process,
    _directory: Directory,
    ports: [Port; 2],
}

impl Signer {
    pub fn start(kms: &FakeKms, changes: &[(&str, &str)]) -> Result<Self> {
        let ports = [Port::reserve()?, Port::reserve()?];
        let directory = Directory::new()?;
        let log = directory.path().join("signer.log");
        let process = Process::start(&program()?, &log, directory.lifeline(), |command| {
            let [port, management] = ports.each_ref().map(|port| port.number().to_string());
            command
                .env_clear()
                .envs(environment(&port, &management))
                .envs(in_kms(&kms.endpoint()))
                .envs(changes.iter().copied());
        })?;
        Ok(Self {
            process,
            _directory: directory,
            ports,
        })
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.process.log()).unwrap_or_default()
    }

    pub fn still_runs(&mut self) -> Result<()> {
        self.process.still_runs()
    }

    pub fn management(&self, path: &str) -> Result<Answer> {
        get(self.ports[1].number(), path)
    }

    /// `status` of `/health`, which is a 200 whatever it says.
    pub fn health(&self) -> Result<String> {
        let answer = self.management("/health")?;
        ensure!(answer.status == 200, "{answer:?}");
        let body: Value = serde_json::from_str(&answer.body)?;
        Ok(body["status"].as_str().unwrap_or_default().to_owned())
    }

    pub fn is_ready(&self) -> Result<bool> {
        Ok(self.management("/health/readiness")?.status == 200)
    }

    pub fn api_is_open(&self) -> bool {
        TcpStream::connect((Ipv4Addr::LOCALHOST, self.ports[0].number())).is_ok()
    }

    pub fn port(&self) -> u16 {
        self.ports[0].number()
    }

    pub fn node(&self) -> NodeClient {
        NodeClient::new(&format!("http://127.0.0.1:{}", self.port()), TOKEN).unwrap()
    }

    /// Polls until the condition holds; else with the log.
    pub async fn until(&mut self, what: &str, mut holds: impl FnMut(&Self) -> Result<bool>) {
        let waited = eventually(PATIENCE, what, async || {
            self.process.still_runs()?;
            ensure!(holds(self)?, "not yet");
            Ok(())
        });
        if let Err(error) = waited.await {
            panic!("{error:#}\n{}", self.log());
        }
    }
}

/// A KMS, and a signer in front of it that is ready.
pub async fn ready(seed: u8) -> (FakeKms, Signer) {
    let kms = FakeKms::start([seed; 32]).unwrap();
    let signer = ready_before(&kms).await;
    (kms, signer)
}

/// A signer in front of this KMS that is ready.
pub async fn ready_before(kms: &FakeKms) -> Signer {
    ready_with(kms, &[]).await
}

/// The same with these changes of its environment.
pub async fn ready_with(kms: &FakeKms, changes: &[(&str, &str)]) -> Signer {
    let mut signer = Signer::start(kms, changes).unwrap();
    signer
        .until("it is ready", |signer| Ok(signer.api_is_open() && signer.is_ready()?))
        .await;
    signer
}

/// This many votes, nearly at once.
pub const fn votes(count: u64) -> Load {
    Load {
        rate: 100,
        count: Some(count),
        duration: None,
        patience: PATIENCE,
    }
}

/// Has votes signed and expects that all are, with no status but 200 and 429 on the way.
pub async fn all_signed(what: &str, signer: &Signer, load: Load, key: &VerifyingKey) -> Report {
    let report = load.run(&signer.node(), key).await.unwrap();
    let statuses: BTreeSet<_> = report.statuses.keys().copied().collect();
    assert!(
        statuses.is_subset(&BTreeSet::from([200, 429])),
        "{what}: {report:?}\n{}",
        signer.log()
    );
    assert_eq!(
        (report.signed, report.lost, report.invalid),
        (report.wished, 0, 0),
        "{what}: {report:?}\n{}",
        signer.log()
    );
    report
}
