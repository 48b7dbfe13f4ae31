//! A signer process with KMS behind it, and a front between them.

use std::ops::Deref;
use std::process::Output;
use std::time::Duration;

use anyhow::{Result, ensure};
use http::StatusCode;
use serde_json::json;
use tests::eventually;
use tests::key_front::{Act, Asked, KeyFront, answer};
use tests::ministack::Ministack;
use tests::node_client::NodeClient;
use tests::signer_process::run;
use tests::waiting_signer::WaitingSigner;

pub const PATIENCE: Duration = Duration::from_mins(2);

/// A secret that must appear in no output.
pub const SECRET: &str = "5ec2e7/wJalrXUtnFEMI+K7MDENG";
pub const ACCESS_KEY: &str = "AKIA5EC2E7EXAMPLE";

/// Variables of a signer.
pub type Variables = Vec<(&'static str, String)>;

/// With its key in KMS at this URL, and without credentials.
pub fn without_credentials(key: &str, url: &str) -> Variables {
    vec![
        ("ATTO_SIGNER_BACKEND", "AWS".to_owned()),
        ("ATTO_SIGNER_KEY", key.to_owned()),
        ("AWS_ENDPOINT_URL_KMS", url.to_owned()),
        ("AWS_ENDPOINT_URL_STS", url.to_owned()),
    ]
}

/// With access keys in the environment.
pub fn with_keys(key: &str, url: &str) -> Variables {
    let keys = [("AWS_ACCESS_KEY_ID", ACCESS_KEY), ("AWS_SECRET_ACCESS_KEY", SECRET)];
    let keys = keys.map(|(name, value)| (name, value.to_owned()));
    [without_credentials(key, url), keys.to_vec()].concat()
}

/// Requests of this method of KMS.
pub fn is(method: &'static str) -> impl Fn(&Asked) -> bool + Send + Sync + Copy {
    move |asked: &Asked| asked.header("x-amz-target") == format!("TrentService.{method}")
}

/// Requests to STS.
pub fn is_sts(asked: &Asked) -> bool {
    String::from_utf8_lossy(&asked.body).contains("Action=AssumeRoleWithWebIdentity")
}

/// An error of KMS.
pub fn error(status: u16, code: &str) -> Act {
    let body = json!({ "__type": code, "message": format!("said so, for {ACCESS_KEY} with {SECRET}") });
    let headers = [("content-type", "application/x-amz-json-1.1")];
    answer(StatusCode::from_u16(status).unwrap(), &headers, body.to_string())
}

/// A key, and a front before its KMS.
pub struct Place {
    pub kms: Ministack,
    pub front: KeyFront,
    pub key: String,
}

impl Place {
    pub async fn new() -> Result<Self> {
        let kms = Ministack::start().await?;
        let front = KeyFront::start(kms.address())?;
        let key = kms.create_key()?;
        Ok(Self { kms, front, key })
    }

    pub fn with_keys(&self) -> Variables {
        with_keys(&self.key, &self.front.url())
    }
}

/// A signer that was started and may not be ready.
pub struct Signer(WaitingSigner);

impl Deref for Signer {
    type Target = WaitingSigner;

    fn deref(&self) -> &WaitingSigner {
        &self.0
    }
}

impl Signer {
    pub fn start(variables: &Variables) -> Result<Self> {
        // The signer must not use credentials of this computer.
        let mut all = vec![("AWS_EC2_METADATA_DISABLED", "true"), ("ATTO_SIGNER_LOG", "trace")];
        all.extend(variables.iter().map(|(name, value)| (*name, value.as_str())));
        Ok(Self(WaitingSigner::start(&all)?))
    }

    pub async fn ready(variables: &Variables) -> Result<Self> {
        let mut signer = Self::start(variables)?;
        signer.until_ready().await;
        Ok(signer)
    }

    pub async fn until_ready(&mut self) {
        self.until("it is ready", |signer| Ok(signer.api_is_open() && signer.is_ready()?))
            .await;
    }

    /// The code and message of the backend in `/health`. Empty while it is UP. `/health` always returns 200.
    pub fn backend(&self) -> Result<(String, String)> {
        let body = self.health_body()?;
        let backend = &body["components"]["backend"];
        let text = |name: &str| backend["details"][name].as_str().unwrap_or_default().to_owned();
        Ok((text("code"), text("message")))
    }

    pub fn is_alive(&self) -> Result<bool> {
        Ok(self.management("/health/liveness")?.status == 200)
    }

    pub fn node(&self) -> NodeClient {
        self.0.node().unwrap()
    }

    /// Polls until the condition holds. Otherwise fails with the log.
    pub async fn until(&mut self, what: &str, mut holds: impl FnMut(&Self) -> Result<bool>) {
        let waited = eventually(PATIENCE, what, async || {
            self.0.still_runs()?;
            ensure!(holds(self)?, "not yet");
            Ok(())
        });
        if let Err(error) = waited.await {
            let log = self.log();
            let lines: Vec<_> = log
                .lines()
                .filter(|line| !line.contains("TRACE") && !line.contains("DEBUG"))
                .collect();
            panic!("{error:#}\n{:?}\n{}", self.backend(), lines.join("\n"));
        }
    }

    /// Its log, at any level, and its answers contain no secret.
    pub fn keeps(&self, secrets: &[&str]) {
        let told = [
            self.log(),
            self.management("/health").unwrap().body,
            self.management("/info").unwrap().body,
        ];
        for secret in secrets {
            assert!(told.iter().all(|told| !told.contains(secret)), "{secret}");
        }
    }
}

/// Runs a command of the signer, and returns its exit code and whole output.
pub fn command(command: &'static str, variables: &Variables) -> (Option<i32>, String) {
    let mut all = vec![("AWS_EC2_METADATA_DISABLED", "true")];
    all.extend(variables.iter().map(|(name, value)| (*name, value.as_str())));
    let Output { status, stdout, stderr } = run(&[command], &all).unwrap();
    let says = String::from_utf8(stdout).unwrap() + &String::from_utf8(stderr).unwrap();
    assert!(!says.contains(SECRET) && !says.contains(ACCESS_KEY), "{says}");
    (status.code(), says)
}

/// Runs `preflight` while the test's own runtime continues.
pub async fn preflight(variables: &Variables) -> (Option<i32>, String) {
    let variables = variables.clone();
    let run = tokio::task::spawn_blocking(move || command("preflight", &variables));
    run.await.unwrap()
}
