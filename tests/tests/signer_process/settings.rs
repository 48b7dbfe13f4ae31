//! The settings with which the signer starts, and refuses to start.

use std::net::{Ipv6Addr, TcpStream};

use anyhow::Result;
use tests::signer_process::{PUBLIC_KEY, SignerProcess, get, post, run};

use crate::support::{ADDRESS, refused, vote};

#[test]
fn every_wrong_setting_is_named_with_what_was_found_and_what_is_expected() -> Result<()> {
    let secret = "5EC2E7".repeat(3);
    for (variable, value, parts) in [
        ("ATTO_SIGNER_BACKEND", "", &["empty", "LOCAL"][..]),
        ("ATTO_SIGNER_BACKEND", "AZURE", &["AZURE", "GCP, AWS, VAULT or LOCAL"]),
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
        (
            "ATTO_SIGNER_TOKEN",
            "5EC2E75EC2E75EC2E7é",
            &["not ASCII", "HTTP header"],
        ),
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
        ("ATTO_SIGNER_AUDIT", "some", &["some", "decisions, all or off"]),
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
fn a_secret_in_the_command_line_is_refused_whatever_the_command() -> Result<()> {
    for (arguments, variable) in [
        (&["--token=5ec2e7"][..], "ATTO_SIGNER_TOKEN"),
        (&["--token", "5ec2e7"], "ATTO_SIGNER_TOKEN"),
        (&["--key", "5ec2e7"], "ATTO_SIGNER_KEY"),
        (&["public-key", "--key=5ec2e7"], "ATTO_SIGNER_KEY"),
        (&["preflight", "--key", "5ec2e7"], "ATTO_SIGNER_KEY"),
        (&["--key", "5ec2e7", "public-key"], "ATTO_SIGNER_KEY"),
    ] {
        let (code, text) = refused(arguments, &[])?;
        assert_eq!(code, 78, "{arguments:?}: {text}");
        assert!(
            text.starts_with(&format!("{variable}: found a value in the command line")),
            "{text}"
        );
        assert!(
            text.contains(&format!("{variable}_FILE")) && !text.contains("5ec2e7"),
            "{text}"
        );
    }
    for command in [&["--help"][..], &["preflight", "--help"], &["public-key", "--help"]] {
        let (code, text) = refused(command, &[])?;
        assert!(
            code == 0 && text.contains("ATTO_SIGNER_KEY\n") && !text.contains("--key "),
            "{text}"
        );
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
        log.contains("ATTO_SIGNER_TOKEN: the blanks or line ends around the token are ignored"),
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
fn an_occupied_port_is_fatal_and_named() -> Result<()> {
    let signer = SignerProcess::start(&[])?;
    for (variable, port) in [
        ("ATTO_SIGNER_PORT", signer.port()),
        ("ATTO_SIGNER_MANAGEMENT_PORT", signer.management_port()),
    ] {
        let (code, text) = refused(&[], &[(variable, &port.to_string())])?;
        assert_eq!(code, 78, "{text}");
        assert!(
            text.contains(&format!("{variable}: cannot listen on 127.0.0.1:{port}")),
            "{text}"
        );
        assert!(text.contains("another process uses the port"), "{text}");
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
