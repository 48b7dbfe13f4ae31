//! The signer program, possibly not ready: its log, its health, and a node that uses it.

use std::collections::BTreeSet;
use std::fs;
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use anyhow::{Result, ensure};
use ed25519_dalek::VerifyingKey;
use serde_json::Value;

use crate::eventually;
use crate::node_client::{Load, NodeClient, Report};
use crate::process::{Directory, Port, Process};
use crate::signer_process::{Answer, TOKEN, environment, get, program};

/// Time limit of every wait.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// A started signer that may not be ready.
pub struct WaitingSigner {
    process: Process,
    _directory: Directory,
    ports: [Port; 2],
}

impl WaitingSigner {
    /// Starts a signer with [`environment`] and `changes`.
    ///
    /// # Errors
    /// If there is no free port, or it cannot be started.
    pub fn start(changes: &[(&str, &str)]) -> Result<Self> {
        let ports = [Port::reserve()?, Port::reserve()?];
        let directory = Directory::new()?;
        let log = directory.path().join("signer.log");
        let process = Process::start(&program()?, &log, directory.lifeline(), |command| {
            let [port, management] = ports.each_ref().map(|port| port.number().to_string());
            command
                .env_clear()
                .envs(environment(&port, &management))
                .envs(changes.iter().copied());
        })?;
        Ok(Self {
            process,
            _directory: directory,
            ports,
        })
    }

    /// Starts a signer and waits until it is ready.
    ///
    /// # Errors
    /// The signer ends, or is not ready in time. The error contains its log.
    pub async fn ready(changes: &[(&str, &str)]) -> Result<Self> {
        let mut signer = Self::start(changes)?;
        signer.until_ready().await?;
        Ok(signer)
    }

    /// The signer's whole log.
    pub fn log(&self) -> String {
        fs::read_to_string(self.process.log()).unwrap_or_default()
    }

    /// # Errors
    /// The signer has ended. The error contains its log.
    pub fn still_runs(&mut self) -> Result<()> {
        self.process.still_runs()
    }

    /// The answer of its management port.
    ///
    /// # Errors
    /// If no answer arrives.
    pub fn management(&self, path: &str) -> Result<Answer> {
        get(self.ports[1].number(), path)
    }

    /// The field `status` of `/health`, whose HTTP status is always 200.
    ///
    /// # Errors
    /// If no such answer arrives.
    pub fn health(&self) -> Result<String> {
        let body = self.health_body()?;
        Ok(body["status"].as_str().unwrap_or_default().to_owned())
    }

    /// The whole body of `/health`.
    ///
    /// # Errors
    /// If no such answer arrives.
    pub fn health_body(&self) -> Result<Value> {
        let answer = self.management("/health")?;
        ensure!(answer.status == 200, "{answer:?}");
        Ok(serde_json::from_str(&answer.body)?)
    }

    /// # Errors
    /// If no answer arrives.
    pub fn is_ready(&self) -> Result<bool> {
        Ok(self.management("/health/readiness")?.status == 200)
    }

    pub fn api_is_open(&self) -> bool {
        TcpStream::connect((Ipv4Addr::LOCALHOST, self.port())).is_ok()
    }

    pub fn port(&self) -> u16 {
        self.ports[0].number()
    }

    /// A node with its token.
    ///
    /// # Errors
    /// If its address is invalid.
    pub fn node(&self) -> Result<NodeClient> {
        NodeClient::new(&format!("http://127.0.0.1:{}", self.port()), TOKEN)
    }

    /// # Errors
    /// The signer ends, or is not ready in time. The error contains its log.
    pub async fn until_ready(&mut self) -> Result<()> {
        self.until("it is ready", |signer| Ok(signer.api_is_open() && signer.is_ready()?))
            .await
    }

    /// Polls until the condition holds.
    ///
    /// # Errors
    /// The signer ends, or a minute passes. The error contains its log.
    pub async fn until(&mut self, what: &str, mut holds: impl FnMut(&Self) -> Result<bool>) -> Result<()> {
        let waited = eventually(PATIENCE, what, async || {
            self.process.still_runs()?;
            ensure!(holds(self)?, "not yet");
            Ok(())
        });
        let waited = waited.await;
        waited.map_err(|error| error.context(format!("the signer's log:\n{}", self.log())))
    }

    /// Polls until its log contains this.
    ///
    /// # Errors
    /// As with [`Self::until`].
    pub async fn says(&mut self, text: &str) -> Result<()> {
        self.until(&format!("it says {text:?}"), |signer| Ok(signer.log().contains(text)))
            .await
    }

    /// Requests signatures of votes, and expects all of them, with no other status than 200 and 429.
    ///
    /// # Errors
    /// With the report and the signer's log, if a vote is lost or another status occurs.
    pub async fn signs_all(&self, load: Load, key: &VerifyingKey) -> Result<Report> {
        let report = load.run(&self.node()?, key).await?;
        self.has_signed_all(&report)?;
        Ok(report)
    }

    /// Expects that all votes were signed, with no other status than 200 and 429.
    ///
    /// # Errors
    /// With the report and the signer's log, if a vote is lost or another status occurs.
    pub fn has_signed_all(&self, report: &Report) -> Result<()> {
        let statuses: BTreeSet<_> = report.statuses.keys().copied().collect();
        ensure!(
            statuses.is_subset(&BTreeSet::from([200, 429])),
            "{report:?}\n{}",
            self.log()
        );
        ensure!(
            (report.signed, report.lost, report.invalid) == (report.wished, 0, 0),
            "{report:?}\n{}",
            self.log()
        );
        Ok(())
    }
}

/// This many votes, almost at once.
pub const fn votes(count: u64) -> Load {
    Load {
        rate: 100,
        count: Some(count),
        duration: None,
        patience: PATIENCE,
    }
}
