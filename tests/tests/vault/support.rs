//! A signer with its key in OpenBao, and the node before it.

use std::path::Path;
use std::process::Output;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use ed25519_dalek::VerifyingKey;
use serde_json::Value;
use tests::eventually;
use tests::key_front::{Asked, KeyFront};
use tests::node_client::{NodeClient, random_vote};
use tests::openbao::{MOUNT, Method, OpenBao};
use tests::process::Port;
use tests::signer_process::{TOKEN, environment, post, run};
use tests::waiting_signer::WaitingSigner;

pub const PATIENCE: Duration = Duration::from_mins(1);

/// Variables of the signer. Of two with one name, the later one applies.
#[derive(Clone, Debug)]
pub struct Settings(Vec<(&'static str, String)>);

impl Settings {
    /// The first version of this key, at this address.
    pub fn of(url: &str, key: &str) -> Self {
        Self(vec![
            ("ATTO_SIGNER_BACKEND", "VAULT".to_owned()),
            ("ATTO_SIGNER_KEY", format!("{MOUNT}/keys/{key}/versions/1")),
            ("ATTO_SIGNER_VAULT_ADDRESS", url.to_owned()),
        ])
    }

    pub fn with(mut self, variable: &'static str, value: impl Into<String>) -> Self {
        self.0.push((variable, value.into()));
        self
    }

    pub fn token(self, file: &Path) -> Self {
        self.with("ATTO_SIGNER_VAULT_AUTH", "token")
            .with("ATTO_SIGNER_VAULT_TOKEN_FILE", file.display().to_string())
    }

    pub fn role(self, method: Method, role: &str, file: &Path) -> Self {
        self.with("ATTO_SIGNER_VAULT_AUTH", method.name())
            .with("ATTO_SIGNER_VAULT_ROLE", role)
            .with("ATTO_SIGNER_IDENTITY_TOKEN_FILE", file.display().to_string())
    }

    pub fn pairs(&self) -> Vec<(&str, &str)> {
        self.0.iter().map(|(name, value)| (*name, value.as_str())).collect()
    }

    /// Runs the signer until it ends by itself.
    pub fn run(&self, arguments: &[&str]) -> Result<Output> {
        let ports = [Port::reserve()?, Port::reserve()?];
        let [port, management] = ports.each_ref().map(|port| port.number().to_string());
        let mut variables = environment(&port, &management);
        if !arguments.is_empty() {
            variables.clear();
        }
        variables.extend(self.pairs());
        run(arguments, &variables)
    }

    /// The output of the signer, which must exit with this code.
    pub fn ends_with(&self, code: i32) -> Result<String> {
        let output = self.clone().with("ATTO_SIGNER_STARTUP_TIMEOUT", "0s").run(&[])?;
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure!(output.status.code() == Some(code), "{:?}: {text}", output.status);
        Ok(text)
    }
}

/// A signer that was started and may not be ready.
pub struct Signer(WaitingSigner);

impl Signer {
    pub fn start(settings: &Settings) -> Result<Self> {
        Ok(Self(WaitingSigner::start(&settings.pairs())?))
    }

    pub async fn ready(settings: &Settings) -> Result<Self> {
        let mut signer = Self::start(settings)?;
        signer.until("it is ready", Signer::is_ready).await?;
        Ok(signer)
    }

    pub fn log(&self) -> String {
        self.0.log()
    }

    pub fn is_ready(&self) -> Result<()> {
        ensure!(self.0.is_ready()?, "{}", self.log());
        Ok(())
    }

    pub fn node(&self) -> NodeClient {
        self.0.node().unwrap()
    }

    /// Requests one vote. Its status must be one after which the node retries.
    pub fn vote(&self, key: &VerifyingKey) -> Result<u16> {
        let answer = post(self.0.port(), "/votes", TOKEN, &random_vote(key).body)?;
        ensure!([200, 429].contains(&answer.status), "{answer:?}\n{}", self.log());
        Ok(answer.status)
    }

    /// Requests the signature of a vote, as the node does, and verifies it.
    pub async fn signs(&self, key: &VerifyingKey) -> Result<()> {
        let sign = async { self.node().sign(&random_vote(key), key).await };
        let outcome = tokio::time::timeout(PATIENCE, sign).await.context("no signature")?;
        ensure!(outcome.result.is_ok(), "{outcome:?}\n{}", self.log());
        Ok(())
    }

    /// The key service in `/health`: its status, and the cause and message of its failure.
    pub fn backend(&self) -> Result<Value> {
        let health = self.0.health_body()?;
        Ok(health["components"]["backend"].clone())
    }

    pub fn metrics(&self) -> Result<String> {
        Ok(self.0.management("/metrics")?.body)
    }

    pub async fn until(&mut self, what: &str, mut holds: impl FnMut(&Self) -> Result<()>) -> Result<()> {
        eventually(PATIENCE, what, async || {
            self.0.still_runs()?;
            holds(self)
        })
        .await
    }

    /// Requests votes until `/health` names this cause. None of the votes may get a 5xx.
    pub async fn fails_with(&mut self, cause: &str, key: Option<&VerifyingKey>) -> Result<String> {
        self.until(&format!("health says {cause}"), |signer| {
            if let Some(key) = key {
                signer.vote(key)?;
            }
            let backend = signer.backend()?;
            ensure!(backend.to_string().contains(cause), "{backend}\n{}", signer.log());
            Ok(())
        })
        .await?;
        Ok(self.backend()?.to_string())
    }

    pub async fn logs(&mut self, text: &str) -> Result<()> {
        self.until(&format!("it says {text:?}"), |signer| {
            let log = signer.log();
            ensure!(log.contains(text), "{log}");
            Ok(())
        })
        .await
    }
}

/// A key with this name in a separate server, with a token that may use it, and a front before the server.
pub struct Voter {
    pub bao: OpenBao,
    pub front: KeyFront,
    pub key: VerifyingKey,
    pub settings: Settings,
}

impl Voter {
    pub async fn new() -> Result<Self> {
        Self::at(OpenBao::start().await?)
    }

    pub fn at(bao: OpenBao) -> Result<Self> {
        let front = KeyFront::start(bao.address())?;
        let key = bao.create_key("voter")?;
        bao.allow_voter("voter")?;
        let file = bao.token_file("token", "voter", &["-ttl=1h"])?;
        let settings = Settings::of(&front.url(), "voter").token(&file);
        Ok(Self {
            bao,
            front,
            key,
            settings,
        })
    }
}

pub fn is_login(asked: &Asked) -> bool {
    asked.path.starts_with("/v1/auth/") && asked.path.ends_with("/login")
}

pub fn is_sign(asked: &Asked) -> bool {
    asked.path.contains("/sign/")
}
