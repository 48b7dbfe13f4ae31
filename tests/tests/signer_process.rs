//! The signer as a program: how it starts, refuses to start, tells of itself and ends.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail the test")]

use std::fs;
use std::net::{Ipv6Addr, TcpStream};

use anyhow::Result;
use ed25519_dalek::VerifyingKey;
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tests::process::{Directory, Port};
use tests::signer_process::{KEY, PUBLIC_KEY, SignerProcess, TOKEN, environment, get, post, run};

const ADDRESS: &str = "atto://aa5wuj54z23killcuounaktpbvzwkmqvo4o6eq5ghlaerimllhnctwl5g2ekm";

fn vote() -> String {
    let hash = "AB".repeat(32);
    json!({ "target": {
        "version": 0, "algorithm": "V1", "publicKey": PUBLIC_KEY, "blockAlgorithm": "V1", "blockHash": hash, "timestamp": 1,
    } })
    .to_string()
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Starts with these changes, expects the end, and gives code and output.
fn refused(arguments: &[&str], changes: &[(&str, &str)]) -> Result<(i32, String)> {
    let (port, management) = (Port::reserve()?, Port::reserve()?);
    let (port, management) = (port.number().to_string(), management.number().to_string());
    let mut environment = environment(&port, &management);
    environment.extend_from_slice(changes);
    let output = run(arguments, &environment)?;
    let text = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    for secret in [TOKEN, KEY] {
        assert!(!text.contains(secret), "{text}");
    }
    Ok((output.status.code().unwrap_or(-1), text))
}

#[test]
fn every_wrong_setting_is_named_with_what_was_found_and_what_is_expected() -> Result<()> {
    let secret = "5EC2E7".repeat(3);
    for (variable, value, parts) in [
        ("ATTO_SIGNER_BACKEND", "", &["empty", "LOCAL"][..]),
        ("ATTO_SIGNER_BACKEND", "AWS", &["AWS", "LOCAL"]),
        ("ATTO_SIGNER_BACKEND", "REMOTE", &["node"]),
        ("ATTO_SIGNER_KEY", "", &["empty", "64 hexadecimal digits"]),
        ("ATTO_SIGNER_KEY", &secret, &["18 characters", "64 hexadecimal digits"]),
        ("ATTO_SIGNER_KEY", "projects/p/locations/l", &["Google Cloud", "LOCAL"]),
        ("ATTO_SIGNER_PORT", "0", &["found 0", "from 1 to 65535"]),
        ("ATTO_SIGNER_PORT", "65536", &["found 65536", "from 1 to 65535"]),
        ("ATTO_SIGNER_PORT", "", &["empty", "from 1 to 65535"]),
        (
            "ATTO_SIGNER_PORT",
            "tcp://10.0.0.7:9090",
            &[
                "Service called atto-signer",
                "enableServiceLinks: false",
                "ATTO_SIGNER_PORT in",
            ],
        ),
        (
            "ATTO_SIGNER_MANAGEMENT_PORT",
            "http",
            &["found http", "from 1 to 65535"],
        ),
        ("ATTO_SIGNER_TOKEN", "", &["empty"]),
        ("ATTO_SIGNER_TOKEN", " \n", &["empty"]),
        ("ATTO_SIGNER_TOKEN", "5EC2E75EC2E7\n5EC2E7", &["control character"]),
        ("ATTO_SIGNER_CAPABILITIES", "", &["empty", "CHALLENGE,VOTE"]),
        (
            "ATTO_SIGNER_CAPABILITIES",
            "VOTE,MINT",
            &["found MINT", "BLOCK, CHALLENGE, VOTE"],
        ),
        ("ATTO_SIGNER_CAPABILITIES", "VOTE,", &["empty name"]),
        (
            "ATTO_SIGNER_ADDRESS",
            "signer",
            &["found signer", "`localhost` or an IP address"],
        ),
        ("ATTO_SIGNER_ADDRESS", "127.0.0.1:9090", &["without a port"]),
        (
            "ATTO_SIGNER_MANAGEMENT_ADDRESS",
            "*",
            &["found *", "`localhost` or an IP address"],
        ),
        (
            "ATTO_SIGNER_EXPECTED_PUBLIC_KEY",
            "AB",
            &["found AB (2 characters)", "64 hexadecimal digits"],
        ),
        (
            "ATTO_SIGNER_EXPECTED_PUBLIC_KEY",
            &ADDRESS.replace("wuj5", "wuj6"),
            &["checksum"],
        ),
        (
            "ATTO_SIGNER_EXPECTED_PUBLIC_KEY",
            &"AB".repeat(32),
            &[ADDRESS, PUBLIC_KEY, "atto://"],
        ),
        ("ATTO_SIGNER_THREADS", "0", &["found 0", "from 1 to 64"]),
        ("ATTO_SIGNER_LOG", "loud", &["found loud", "debug"]),
        ("ATTO_SIGNER_DEADLINE", "900", &["found 900", "such as 900ms"]),
        ("ATTO_SIGNER_STARTUP_TIMEOUT", "25h", &["found 25h", "such as 10m"]),
        ("ATTO_SIGNER_TOKEN_FILE", "/token", &["one of the two"]),
        (
            "ATTO_SIGNER_POLICY_NETWORKS",
            "MAIN",
            &["found MAIN", "LIVE, BETA, DEV, LOCAL"],
        ),
        ("ATTO_SIGNER_GCP_ENDPOINT", "http://localhost", &["LOCAL", "unset it"]),
        ("ATTO_SIGNER_AUDIT", "all", &["does not have this setting yet"]),
    ] {
        let (code, text) = refused(&[], &[(variable, value)])?;
        assert_eq!(code, 78, "{variable}={value}: {text}");
        for part in parts.iter().chain(&[format!("{variable}: ").as_str()]) {
            assert!(text.contains(part), "{variable}={value}: {part:?} is missing in {text}");
        }
        assert!(!text.contains("5EC2E7"), "{text}");
    }
    Ok(())
}

#[test]
fn everything_that_is_missing_is_told_at_once() -> Result<()> {
    let output = run(&[], &[])?;
    let text = String::from_utf8(output.stderr)?;
    assert_eq!(output.status.code(), Some(78), "{text}");
    for variable in ["ATTO_SIGNER_BACKEND", "ATTO_SIGNER_TOKEN", "ATTO_SIGNER_CAPABILITIES"] {
        assert!(
            text.contains(&format!("{variable}: found nothing, expected ")),
            "{text}"
        );
    }
    let (code, text) = refused(
        &[],
        &[("ATTO_SIGNER_PORT", "9091"), ("ATTO_SIGNER_MANAGEMENT_PORT", "9091")],
    )?;
    assert_eq!(code, 78);
    assert!(
        text.contains("ATTO_SIGNER_MANAGEMENT_PORT: found 9091, expected another port than ATTO_SIGNER_PORT"),
        "{text}"
    );
    Ok(())
}

#[test]
fn a_command_line_that_is_not_understood_is_64() -> Result<()> {
    for arguments in [&["--no-such-flag"][..], &["dance"], &["--port"], &["key"]] {
        assert_eq!(refused(arguments, &[])?.0, 64, "{arguments:?}");
    }
    let (code, text) = refused(&["--help"], &[("ATTO_SIGNER_THREADS", "7")])?;
    assert_eq!(code, 0);
    assert!(
        text.contains("ATTO_SIGNER_CAPABILITIES") && !text.contains("ATTO_SIGNER_AUDIT"),
        "{text}"
    );
    Ok(())
}

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
    assert_eq!(json(&get(management, "/info")?.body), info);
    for path in ["/prometheus", "/metrics"] {
        let metrics = get(management, path)?;
        assert!(metrics.head.contains("content-type: text/plain"), "{}", metrics.head);
        let line = "atto_signer_signatures_total{kind=\"vote\",outcome=\"signed\"} 1";
        assert!(metrics.body.lines().any(|found| found == line), "{}", metrics.body);
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
fn sigint_ends_it_as_well() -> Result<()> {
    let mut signer = SignerProcess::start(&[])?;
    signer.signal(Signal::SIGINT)?;
    signer.eventually("it ends", |signer| Ok(signer.log().contains("SIGINT")))?;
    assert!(signer.stop()?.success());
    Ok(())
}

#[test]
fn an_occupied_port_is_fatal_and_named() -> Result<()> {
    let signer = SignerProcess::start(&[])?;
    for (variable, port) in [
        ("ATTO_SIGNER_PORT", signer.port()),
        ("ATTO_SIGNER_MANAGEMENT_PORT", signer.management_port()),
    ] {
        let (code, text) = refused(&[], &[(variable, &port.to_string())])?;
        assert_eq!(code, 78, "{text}");
        assert!(
            text.contains(&format!("{variable}: 127.0.0.1:{port} cannot be listened on")),
            "{text}"
        );
        assert!(text.contains("another process has the port"), "{text}");
    }
    Ok(())
}

#[test]
fn localhost_is_both_loopback_addresses() -> Result<()> {
    let signer = SignerProcess::start(&[])?;
    assert_eq!(get(signer.port(), "/public-keys")?.status, 200);
    if std::net::TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok() {
        TcpStream::connect((Ipv6Addr::LOCALHOST, signer.port()))?;
        assert!(signer.log().contains("[::1]:"), "{}", signer.log());
    } else {
        assert!(!signer.log().contains("[::1]:"), "{}", signer.log());
    }
    assert!(!signer.log().contains("WARN"), "{}", signer.log());
    Ok(())
}

#[test]
fn killed_and_started_again_it_signs_on_the_same_port() -> Result<()> {
    let signer = SignerProcess::start(&[])?;
    let before = post(signer.port(), "/votes", TOKEN, &vote())?;
    let port = signer.port();
    let signer = signer.kill_and_start_again()?;
    assert_eq!(signer.port(), port);
    assert_eq!(post(port, "/votes", TOKEN, &vote())?.body, before.body);
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

#[test]
fn what_is_unwise_is_warned_about_by_name() -> Result<()> {
    let signer = SignerProcess::start(&[
        ("ATTO_SIGNER_TOKEN", " short\n"),
        ("ATTO_SIGNER_CAPABILITY", "VOTE"),
        ("ATTO_SIGNER_SERVICE_HOST", "10.0.0.7"),
        ("ATTO_SIGNER_REMOTE_URL", "http://localhost"),
    ])?;
    let log = signer.log();
    assert!(
        log.contains("ATTO_SIGNER_CAPABILITY: the signer knows no such variable"),
        "{log}"
    );
    assert!(
        log.contains("ATTO_SIGNER_TOKEN: the token has fewer than 16 bytes"),
        "{log}"
    );
    assert!(
        log.contains("ATTO_SIGNER_TOKEN: the blanks or line ends around the token are left out"),
        "{log}"
    );
    assert!(
        !log.contains("SERVICE_HOST") && !log.contains("REMOTE_URL") && !log.contains("short"),
        "{log}"
    );
    assert_eq!(post(signer.port(), "/votes", "short", &vote())?.status, 200);
    Ok(())
}

#[test]
fn the_key_may_be_in_a_file() -> Result<()> {
    let directory = Directory::new()?;
    let file = directory.path().join("key");
    let name = file.to_str().unwrap();
    let environment = |file: &'static str| [("ATTO_SIGNER_BACKEND", "local"), ("ATTO_SIGNER_KEY_FILE", file)];
    fs::write(&file, format!("{KEY}\n"))?;
    let output = run(&["public-key", "--key-file", name], &environment("/nowhere"))?;
    let text = String::from_utf8(output.stdout)?;
    assert!(
        output.status.success() && text.contains(PUBLIC_KEY) && text.contains(ADDRESS),
        "{text}"
    );

    let (code, text) = refused(&[], &[("ATTO_SIGNER_KEY_FILE", name)])?;
    assert_eq!(code, 78);
    assert!(
        text.contains("ATTO_SIGNER_KEY_FILE: ") && text.contains("ATTO_SIGNER_KEY "),
        "{text}"
    );
    fs::write(&file, "5ec2e7")?;
    for file in ["/nowhere/key", name] {
        let output = run(&["public-key", "--key-file", file], &environment("/nowhere"))?;
        let text = String::from_utf8(output.stderr)?;
        assert_eq!(output.status.code(), Some(78), "{text}");
        assert!(
            text.starts_with("ATTO_SIGNER_KEY_FILE: found ") && text.contains(file),
            "{text}"
        );
        assert!(!text.contains("5ec2e7"), "{text}");
    }
    Ok(())
}

#[test]
fn commands_help_with_keys_tokens_and_health() -> Result<()> {
    let generated = run(&["key", "generate"], &[])?;
    let key = String::from_utf8(generated.stdout)?;
    let known = run(
        &["public-key"],
        &[("ATTO_SIGNER_BACKEND", "LOCAL"), ("ATTO_SIGNER_KEY", &key)],
    )?;
    assert_eq!(key.trim().len(), 64);
    assert_eq!(generated.stderr, known.stdout);
    let token = String::from_utf8(run(&["token", "generate"], &[])?.stdout)?;
    assert_eq!(token.trim().len(), 64);
    assert_ne!(run(&["token", "generate"], &[])?.stdout, token.as_bytes());

    let signer = SignerProcess::start(&[])?;
    let port = signer.management_port().to_string();
    let environment = [("ATTO_SIGNER_MANAGEMENT_PORT", port.as_str())];
    for arguments in [&["healthcheck"][..], &["healthcheck", "--ready"]] {
        assert!(run(arguments, &environment)?.status.success(), "{arguments:?}");
    }
    assert!(signer.stop()?.success());
    let output = run(&["healthcheck"], &environment)?;
    let text = String::from_utf8(output.stderr)?;
    assert_eq!(output.status.code(), Some(69), "{text}");
    assert!(text.contains(&port), "{text}");
    Ok(())
}
