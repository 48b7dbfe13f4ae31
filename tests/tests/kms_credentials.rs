//! With a metadata server that is late, refuses or never answers, the real signer gets a token in the end, without a
//! restart.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail the test")]

use std::fs;
use std::time::Duration;

use anyhow::{Result, ensure};
use futures::{StreamExt, stream};
use tests::eventually;
use tests::fake_metadata::{EMAIL, FakeMetadata, Fault};
use tests::fake_server::{For, Front};
use tests::process::{Directory, Port, Process};
use tests::signer_process::{environment, in_kms, program};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_mins(2);

/// The signer repeats this log line every 10 s.
const TOLD: &str = "the key cannot be used yet";

/// A signer that requests its tokens from this metadata server.
struct Signer {
    process: Process,
    directory: Directory,
    _ports: [Port; 3],
}

impl Signer {
    /// `https`, so that credentials are used, to a port on which no program listens.
    fn start(metadata: &FakeMetadata) -> Result<Self> {
        Self::start_with(metadata, &[])
    }

    /// A signer with further variables.
    fn start_with(metadata: &FakeMetadata, variables: &[(&str, &str)]) -> Result<Self> {
        let ports = [Port::reserve()?, Port::reserve()?, Port::reserve()?];
        let directory = Directory::new()?;
        let log = directory.path().join("signer.log");
        let process = Process::start(&program()?, &log, directory.lifeline(), |command| {
            let [port, management, nobody] = ports.each_ref().map(|port| port.number().to_string());
            let endpoint = format!("https://127.0.0.1:{nobody}");
            command
                .env_clear()
                .envs(environment(&port, &management))
                .envs(in_kms(&endpoint))
                .env("GCE_METADATA_HOST", metadata.host())
                .envs(variables.iter().copied());
        })?;
        Ok(Self {
            process,
            directory,
            _ports: ports,
        })
    }

    fn says(&self) -> String {
        fs::read_to_string(self.directory.path().join("signer.log")).unwrap_or_default()
    }

    /// Its open files, and its threads.
    fn size(&self) -> Result<[usize; 2]> {
        let count =
            |what: &str| Ok::<_, anyhow::Error>(fs::read_dir(format!("/proc/{}/{what}", self.process.pid()))?.count());
        Ok([count("fd")?, count("task")?])
    }

    async fn until(&mut self, what: &str, mut holds: impl FnMut(&str) -> bool) -> Result<()> {
        eventually(PATIENCE, what, async || {
            self.process.still_runs()?;
            let says = self.says();
            ensure!(holds(&says), "{says}");
            Ok(())
        })
        .await
    }
}

async fn has_a_token_in_the_end(what: &str, metadata: &FakeMetadata, told: usize) -> Result<()> {
    let mut signer = Signer::start(metadata)?;
    if told > 0 {
        let often = |says: &str| says.matches(TOLD).count() >= told;
        signer.until(&format!("{what}: it tells {told} times"), often).await?;
        metadata.set_front(Front::Serving).await?;
    }
    let given = |_: &str| metadata.tokens().1 > 0;
    signer.until(&format!("{what}: a token is given"), given).await?;
    assert!(metadata.token_faults().is_empty(), "{what}");
    let told = |says: &str| says.contains(&format!("asking KMS as {EMAIL}"));
    signer.until(&format!("{what}: it says who it is"), told).await?;
    let says = signer.says();
    assert!(!says.contains("token-1"), "a token is never told: {says}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_metadata_server_that_refuses_hangs_or_is_late_is_asked_again() {
    let cases = [
        ("well", Front::Serving, None, 0),
        ("403", Front::Serving, Some(Fault::Status(403)), 0),
        ("404", Front::Serving, Some(Fault::Status(404)), 0),
        ("503", Front::Serving, Some(Fault::Status(503)), 0),
        ("dropped", Front::Serving, Some(Fault::Drop), 0),
        ("hangs", Front::Serving, Some(Fault::Hang), 0),
        // Five lines mean more than 40 s, after which Google's own client would have given up permanently.
        ("absent", Front::Refusing, None, 5),
        ("silent", Front::Silent, None, 2),
    ];
    stream::iter(cases)
        .for_each_concurrent(8, async |(what, front, fault, told)| {
            let metadata = FakeMetadata::start(front).unwrap();
            if let Some(fault) = fault {
                metadata.token_faults().push(fault, For::Calls(2));
            }
            let result = has_a_token_in_the_end(what, &metadata, told).await;
            result.unwrap_or_else(|error| panic!("{error:#}"));
        })
        .await;
}

/// Google's credentials renew a token with less than four minutes every 10 s. A refusal ends them permanently, once
/// their present token has expired.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_metadata_server_that_refuses_to_renew_a_token_is_asked_again() -> Result<()> {
    let metadata = FakeMetadata::start(Front::Serving)?;
    metadata.set_lifetime(15);
    let mut signer = Signer::start(&metadata)?;
    signer.until("a token is given", |_| metadata.tokens().1 > 0).await?;
    metadata.token_faults().push(Fault::Status(403), For::Calls(2));
    let before = metadata.tokens().1;
    signer
        .until("both refusals are met", |_| metadata.token_faults().is_empty())
        .await?;
    signer
        .until("another token is given", |_| metadata.tokens().1 > before)
        .await
}

/// The client requests the cloud's domain while it is created. Only the first request is never answered.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_metadata_server_that_never_answers_one_request_is_asked_again() -> Result<()> {
    let metadata = FakeMetadata::start(Front::Serving)?;
    metadata.universe_faults().next(Fault::Hang);
    metadata.email_faults().next(Fault::Hang);
    let mut signer = Signer::start(&metadata)?;
    signer
        .until("the domain is asked for again", |_| metadata.universes() > 1)
        .await?;
    // No program listens at the address of KMS. With a client, this is the reported error. Without one, the missing
    // token would be.
    signer
        .until("KMS is asked", |says| {
            says.contains(&format!("{TOLD}, trying again every 2 s: IO: "))
        })
        .await?;
    let told = |says: &str| says.contains(&format!("asking KMS as {EMAIL}"));
    signer.until("it says who it is", told).await?;
    assert!(metadata.universe_faults().is_empty() && metadata.email_faults().is_empty());
    Ok(())
}

/// Google's credentials wait for such a server without end, in a separate task with a separate connection.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_metadata_server_that_is_silent_costs_no_more_and_more() -> Result<()> {
    let metadata = FakeMetadata::start(Front::Silent)?;
    let mut signer = Signer::start(&metadata)?;
    signer
        .until("two clients were tried", |_| metadata.silenced() >= 2)
        .await?;
    let before = signer.size()?;
    signer
        .until("five clients were tried", |_| metadata.silenced() >= 5)
        .await?;
    // A client that is being replaced may take a moment to end.
    eventually(PATIENCE, "no more open files and threads than before", async || {
        let after = signer.size()?;
        ensure!(
            after.iter().zip(before).all(|(after, before)| *after <= before),
            "{before:?}, then {after:?}"
        );
        Ok(())
    })
    .await
}

/// Google's client uses the proxy of the variables for the metadata server. The signer warns about it at the start.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_proxy_before_the_metadata_server_is_told_without_its_password() -> Result<()> {
    const TOLD: &str = "would be asked through that proxy";
    let metadata = FakeMetadata::start(Front::Serving)?;
    let proxy = TcpListener::bind("127.0.0.1:0").await?;
    let address = format!("http://somebody:password@{}", proxy.local_addr()?);
    let mut signer = Signer::start_with(&metadata, &[("HTTP_PROXY", &address)])?;
    signer.until("the warning", |says| says.contains(TOLD)).await?;
    let (mut asked, _) = timeout(PATIENCE, proxy.accept()).await??;
    let mut head = [0; 64];
    asked.read_exact(&mut head).await?;
    let head = String::from_utf8_lossy(&head);
    assert!(head.starts_with(&format!("GET http://{}/", metadata.host())), "{head}");
    let says = signer.says();
    assert!(says.contains("NO_PROXY") && !says.contains("password"), "{says}");
    assert_eq!(metadata.tokens().1, 0);

    let named = [("HTTP_PROXY", address.as_str()), ("NO_PROXY", "localhost,127.0.0.1")];
    let mut signer = Signer::start_with(&metadata, &named)?;
    let given = |_: &str| metadata.tokens().1 > 0;
    signer.until("a token", given).await?;
    assert!(!signer.says().contains(TOLD), "{}", signer.says());
    Ok(())
}
