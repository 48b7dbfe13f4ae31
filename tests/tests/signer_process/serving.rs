//! The signer's answers, its reports, and the secrets that it must not reveal.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use ed25519_dalek::VerifyingKey;
use nix::fcntl::OFlag;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use serde_json::json;
use tests::process::{Directory, Port, Process};
use tests::signer_process::{KEY, PUBLIC_KEY, SignerProcess, TOKEN, environment, get, post, program};

use crate::support::{ADDRESS, json, vote};

#[test]
fn a_vote_is_signed_and_the_management_port_tells_of_it() -> Result<()> {
    let signer = SignerProcess::start(&[
        ("ATTO_SIGNER_EXPECTED_PUBLIC_KEY", ADDRESS),
        ("ATTO_SIGNER_CAPABILITIES", " vote , Challenge"),
    ])?;
    let answer = post(signer.port(), "/votes", TOKEN, &vote())?;
    assert_eq!(answer.status, 200, "{answer:?}");
    let signature = data_encoding::HEXUPPER.decode(json(&answer.body)["signature"].as_str().unwrap().as_bytes())?;
    let public_key = data_encoding::HEXUPPER.decode(PUBLIC_KEY.as_bytes())?;
    let key = VerifyingKey::from_bytes(&public_key.clone().try_into().unwrap())?;
    let hash: [u8; 32] = public_key.try_into().unwrap();
    let message = signer::protocol::Vote {
        version: 0,
        public_key: signer::protocol::PublicKey(hash),
        block_hash: [0xAB; 32],
        timestamp: 1,
    };
    let hash = signer::protocol::Message::hash(&message);
    key.verify_strict(hash.as_ref(), &ed25519_dalek::Signature::from_slice(&signature)?)?;

    let management = signer.management_port();
    let health = get(management, "/health")?;
    let up = json!({ "status": "UP", "components": { "backend": { "status": "UP" }, "client": { "status": "UP" } } });
    assert_eq!((health.status, json(&health.body)), (200, up));
    assert_eq!(get(management, "/health/liveness")?.status, 200);
    assert_eq!(get(management, "/health/readiness")?.status, 200);
    let info = json!({
        "publicKey": PUBLIC_KEY, "address": ADDRESS, "backend": "LOCAL", "capabilities": ["CHALLENGE", "VOTE"],
        "version": env!("CARGO_PKG_VERSION"),
    });
    let mut found = json(&get(management, "/info")?.body);
    let latency = found["latency"].take();
    assert_eq!(
        (latency["signatures"].as_u64(), latency["clientLimitMillis"].as_u64()),
        (Some(1), Some(1000)),
        "{latency}"
    );
    assert!(
        latency["total"]["medianMillis"].is_number() && latency["total"]["worstMillis"].is_number(),
        "{latency}"
    );
    assert_eq!(latency["backend"], json!(null), "a key in the process");
    found.as_object_mut().unwrap().remove("latency");
    assert_eq!(found, info);
    for path in ["/prometheus", "/metrics"] {
        let metrics = get(management, path)?;
        assert!(metrics.head.contains("content-type: text/plain"), "{}", metrics.head);
        let line = "atto_signer_signatures_total{kind=\"vote\",outcome=\"signed\"} 1";
        assert!(metrics.body.lines().any(|found| found == line), "{}", metrics.body);
        let recent = "atto_signer_recent_signature_seconds{part=\"total\",statistic=\"worst\"} 0.";
        assert!(
            metrics.body.lines().any(|found| found.starts_with(recent)),
            "{}",
            metrics.body
        );
    }
    assert_eq!(get(management, "/nowhere")?.status, 404);
    assert!(signer.stop()?.success());
    Ok(())
}

#[test]
fn a_client_with_another_token_turns_health_down_and_the_answer_stays_200() -> Result<()> {
    let mut signer = SignerProcess::start(&[])?;
    for _ in 0..3 {
        let answer = post(signer.port(), "/votes", "another token", &vote())?;
        assert_eq!((answer.status, answer.body.as_str()), (401, ""));
    }
    let health = get(signer.management_port(), "/health")?;
    let body = json(&health.body);
    assert_eq!((health.status, &body["status"]), (200, &json!("DOWN")));
    assert_eq!(body["components"]["client"]["details"]["reason"], "WrongToken");
    assert_eq!(get(signer.management_port(), "/health/readiness")?.status, 200);
    signer.eventually("the log says so", |signer| Ok(signer.log().contains("(WrongToken)")))?;
    assert!(!signer.log().contains("another token"));
    Ok(())
}

#[test]
fn a_challenge_that_is_signed_does_not_hide_votes_that_are_refused() -> Result<()> {
    let signer = SignerProcess::start(&[("ATTO_SIGNER_CAPABILITIES", "CHALLENGE")])?;
    for _ in 0..8 {
        assert_eq!(post(signer.port(), "/votes", TOKEN, &vote())?.status, 400);
    }
    let challenge = json!({ "target": "AB".repeat(64), "timestamp": 1 }).to_string();
    assert_eq!(post(signer.port(), "/challenges", TOKEN, &challenge)?.status, 200);
    let body = json(&get(signer.management_port(), "/health")?.body);
    let details = &body["components"]["client"]["details"];
    assert_eq!(
        (&body["status"], &details["reason"]),
        (&json!("DOWN"), &json!("MissingCapability"))
    );
    assert_eq!(details["kinds"], json!(["VOTE"]));
    Ok(())
}

#[test]
fn who_has_no_token_cannot_wash_the_audit_trail_away() -> Result<()> {
    let directory = Directory::new()?;
    let file = directory.path().join("audit.jsonl");
    let signer = SignerProcess::start(&[("ATTO_SIGNER_AUDIT_FILE", file.to_str().unwrap())])?;
    assert_eq!(post(signer.port(), "/blocks", TOKEN, "{")?.status, 400);
    for _ in 0..300 {
        assert_eq!(post(signer.port(), "/blocks", "another token", "{}")?.status, 401);
    }
    assert!(signer.stop()?.success());
    let text = fs::read_to_string(&file)?;
    let lines: Vec<_> = text.lines().map(json).collect();
    let numbers: Vec<_> = lines.iter().filter_map(|line| line["seq"].as_u64()).collect();
    assert_eq!(numbers, (1..=lines.len() as u64).collect::<Vec<_>>(), "{text}");
    let refused = lines.iter().filter(|line| line["event"] == "unauthorized");
    let counts: Vec<_> = refused.filter_map(|line| line["count"].as_u64()).collect();
    assert_eq!((counts.first(), counts.iter().sum()), (Some(&1), 300_u64), "{text}");
    // Two lines a minute. A slow computer may reach the end of a minute.
    assert!(counts.len() <= 4 && lines.len() == counts.len() + 2, "{text}");
    Ok(())
}

/// A signer that is still to start, with its log in this folder, on these ports of the API and of the management.
fn with_token_file(directory: &Directory, ports: [&Port; 2], file: &Path) -> Result<Process> {
    let [port, management] = ports.map(|port| port.number().to_string());
    Process::start(
        &program()?,
        &directory.path().join("signer.log"),
        directory.lifeline(),
        |command| {
            command
                .env_clear()
                .envs(environment(&port, &management))
                .env_remove("ATTO_SIGNER_TOKEN")
                .env("ATTO_SIGNER_TOKEN_FILE", file);
        },
    )
}

#[test]
fn a_token_of_the_file_counts_at_once_and_goes_when_it_stays_away() -> Result<()> {
    let directory = Directory::new()?;
    let file = directory.path().join("tokens");
    let other = "fedcba9876543210fedcba9876543210";
    fs::write(&file, TOKEN)?;
    let (port, management) = (Port::reserve()?, Port::reserve()?);
    let mut signer = with_token_file(&directory, [&port, &management], &file)?;
    let mut until = |token: &str, status: u16| -> Result<()> {
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
        loop {
            signer.still_runs()?;
            let found = post(port.number(), "/votes", token, &vote()).map_or(0, |answer| answer.status);
            if found == status {
                return Ok(());
            }
            anyhow::ensure!(std::time::Instant::now() < deadline, "found {found}, expected {status}");
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    };
    until(TOKEN, 200)?;
    // First half of the file, then the whole file: a client with a token that both contain is never refused.
    fs::write(&file, other)?;
    until(other, 200)?;
    fs::write(&file, format!("{other}\n{TOKEN}\n"))?;
    until(TOKEN, 200)?;
    fs::write(&file, other)?;
    until(TOKEN, 401)?;
    until(other, 200)
}

/// Writes to a pipe as soon as the signer reads from it.
fn feed(pipe: &Path, text: &str, signer: &mut Process) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(30);
    let opened = loop {
        signer.still_runs()?;
        let opened = OpenOptions::new()
            .write(true)
            .custom_flags(OFlag::O_NONBLOCK.bits())
            .open(pipe);
        match opened {
            Err(_) if Instant::now() < deadline => thread::sleep(Duration::from_millis(10)),
            opened => break opened,
        }
    };
    Ok(opened?.write_all(text.as_bytes())?)
}

/// With a remote key, hours may pass between the check of the settings and the opening of the API. The file is a pipe, so each
/// reading waits for what the test writes.
#[test]
fn the_api_opens_with_the_tokens_that_are_in_the_file_by_then() -> Result<()> {
    let directory = Directory::new()?;
    let pipe = directory.path().join("tokens");
    mkfifo(&pipe, Mode::S_IRUSR | Mode::S_IWUSR)?;
    let other = "fedcba9876543210fedcba9876543210";
    let (port, management) = (Port::reserve()?, Port::reserve()?);
    let mut signer = with_token_file(&directory, [&port, &management], &pipe)?;
    feed(&pipe, TOKEN, &mut signer)?;
    let number = port.number();
    let voting = thread::spawn(move || {
        loop {
            if let Ok(answer) = post(number, "/votes", other, &vote()) {
                break answer;
            }
        }
    });
    // The vote is on its way, at least to the backlog.
    while TcpStream::connect((Ipv4Addr::LOCALHOST, number)).is_err() {
        signer.still_runs()?;
    }
    feed(&pipe, other, &mut signer)?;
    let answer = voting.join().unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    Ok(())
}

#[test]
fn nothing_secret_is_ever_written() -> Result<()> {
    let signer = SignerProcess::start(&[("ATTO_SIGNER_LOG", "trace")])?;
    for (token, body) in [
        (TOKEN, vote()),
        (TOKEN, "{".to_owned()),
        ("5ec2e7", vote()),
        (TOKEN, "5ec2e7".to_owned()),
    ] {
        post(signer.port(), "/votes", token, &body)?;
    }
    for secret in [TOKEN, KEY, "5ec2e7", &"AB".repeat(32)] {
        assert!(!signer.log().contains(secret), "{}", signer.log());
    }
    Ok(())
}
