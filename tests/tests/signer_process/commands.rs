//! The command line, and the commands other than serving.

use std::fs;

use anyhow::Result;
use tests::process::Directory;
use tests::signer_process::{KEY, PUBLIC_KEY, SignerProcess, run};

use crate::support::{ADDRESS, refused};

#[test]
fn a_command_line_that_is_not_understood_is_64() -> Result<()> {
    for arguments in [&["--no-such-flag"][..], &["dance"], &["--port"], &["key"]] {
        assert_eq!(refused(arguments, &[])?.0, 64, "{arguments:?}");
    }
    let (code, text) = refused(&["--help"], &[("ATTO_SIGNER_THREADS", "7")])?;
    assert_eq!(code, 0);
    assert!(
        text.contains("ATTO_SIGNER_CAPABILITIES") && text.contains("ATTO_SIGNER_AUDIT_FILE"),
        "{text}"
    );
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
