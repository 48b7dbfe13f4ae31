//! The program runs with exactly the documented variables.

use std::collections::BTreeSet;
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Result, ensure};
use tests::eventually;
use tests::fake_kms::{FakeKms, KEY_VERSION};
use tests::fake_server::Front;
use tests::node_client::{Load, NodeClient};
use tests::process::{Directory, Port, Process};
use tests::signer_process::{TOKEN, get, program, run};

use crate::documents::{self, Document};

const PATIENCE: Duration = Duration::from_mins(1);

#[test]
fn the_documented_ports_are_the_defaults() -> Result<()> {
    for document in documents::all(TOKEN, KEY_VERSION) {
        let (url, _) = &document.node;
        let port = document
            .environment
            .get("ATTO_SIGNER_PORT")
            .map_or("9090", String::as_str);
        assert!(url.ends_with(&format!(":{port}")), "{}: {url}", document.name);
        let management = document.environment.get("ATTO_SIGNER_MANAGEMENT_PORT");
        let asked = document.liveness.port.to_string();
        assert_eq!(management.unwrap_or(&asked), &asked, "{}", document.name);
        assert!(
            document
                .startup
                .is_none_or(|startup| startup.port == document.liveness.port)
        );
    }
    let help = String::from_utf8(run(&["--help"], &[])?.stdout)?;
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    for default in ["[default: 9090]", "[default: 9091]"] {
        assert!(help.contains(default), "{default} is not told as a default: {help}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_documented_variables_start_a_signer_that_waits_for_kms_and_signs() {
    for document in documents::all(TOKEN, KEY_VERSION) {
        if let Err(error) = serve(&document).await {
            panic!("{}: {error:#}", document.name);
        }
    }
}

/// The documented ports may be in use on this computer, so they are replaced everywhere. Nothing else is replaced.
async fn serve(document: &Document) -> Result<()> {
    let (api, management) = (Port::reserve()?, Port::reserve()?);
    let key_version = &document.environment["ATTO_SIGNER_KEY"];
    let kms = FakeKms::start_named(key_version, [61; 32], Front::Refusing)?;
    let directory = Directory::new()?;
    let log = directory.path().join("signer.log");
    let mut process = Process::start(&program()?, &log, directory.lifeline(), |command| {
        command
            .env_clear()
            .envs(&document.environment)
            .env("ATTO_SIGNER_PORT", api.number().to_string())
            .env("ATTO_SIGNER_MANAGEMENT_PORT", management.number().to_string())
            .env("ATTO_SIGNER_GCP_ENDPOINT", kms.endpoint());
    })?;
    let ask = |path: &str| get(management.number(), path).map(|answer| answer.status);
    let says = || std::fs::read_to_string(&log).unwrap_or_default();

    eventually(PATIENCE, "it tells that KMS is away", async || {
        process.still_runs()?;
        ensure!(says().contains("the key cannot be used yet"), "{}", says());
        Ok(())
    })
    .await?;
    for probe in document.startup.iter().chain([&document.liveness]) {
        ensure!(ask(&probe.path)? == 200, "{} fails while KMS is away", probe.path);
    }
    ensure!(ask("/health/readiness")? == 503, "ready without a key");
    ensure!(
        TcpStream::connect(("127.0.0.1", api.number())).is_err(),
        "the API is open without a key"
    );

    kms.set_front(Front::Serving).await?;
    eventually(PATIENCE, "it is ready", async || {
        process.still_runs()?;
        ensure!(ask("/health/readiness").is_ok_and(|status| status == 200), "{}", says());
        Ok(())
    })
    .await?;
    let (url, token) = &document.node;
    ensure!(
        url.starts_with("http://localhost:9090") || url == "http://signer:9090",
        "{url}"
    );
    let node = NodeClient::new(&format!("http://127.0.0.1:{}", api.number()), token)?;
    let key = node.public_key().await?;
    ensure!(key == kms.verifying_key(), "another key");
    let load = Load {
        rate: 100,
        count: Some(20),
        duration: None,
        patience: PATIENCE,
    };
    let report = load.run(&node, &key).await?;
    ensure!(report.signed == 20 && report.lost == 0, "{report:?}\n{}", says());
    let unknown: BTreeSet<_> = document
        .environment
        .keys()
        .filter(|name| says().contains(&format!("{name}: the signer knows no such variable")))
        .collect();
    ensure!(
        unknown.is_empty(),
        "{unknown:?} are documented and unknown:\n{}",
        says()
    );
    ensure!(process.stop()?.success(), "it did not end well");
    Ok(())
}
