//! The pages use a container instead of a node. It is ready only after a signed vote.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde::Deserialize as _;
use serde_json::Value;
use tests::docs::{self, Page};
use tests::signer_process::{SignerProcess, TOKEN};

/// The pod of each Deployment in the shell blocks of a page.
fn pods(page: &Page) -> Result<Vec<Value>> {
    let mut found = vec![];
    for block in &page.blocks {
        let text = block.text();
        // The text between `<<'END'` and `END` is a manifest.
        for piece in text.split("<<'END'\n").skip(1) {
            let manifests = piece.split_once("END\n").map_or(piece, |(manifests, _)| manifests);
            for manifest in serde_yaml::Deserializer::from_str(manifests) {
                let mut manifest =
                    Value::deserialize(manifest).with_context(|| format!("{}:{}", page.path, block.line))?;
                if manifest["kind"] == "Deployment" {
                    found.push(manifest["spec"]["template"]["spec"].take());
                }
            }
        }
    }
    Ok(found)
}

fn is_ready(command: &[String], environment: &[(&str, &str)]) -> Result<bool> {
    let (program, arguments) = command.split_first().context("no command")?;
    let mut probe = Command::new(program);
    probe
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    for variable in ["ATTO_SIGNER_REMOTE_URL", "ATTO_SIGNER_REMOTE_TOKEN"] {
        probe.env_remove(variable);
    }
    Ok(probe.envs(environment.iter().copied()).status()?.success())
}

#[test]
fn the_stand_in_for_a_node_is_ready_when_it_has_had_a_vote_signed() -> Result<()> {
    let mut all = vec![];
    for page in docs::pages()?.values() {
        all.extend(pods(page)?);
    }
    let pod = all.first().context("no page has a stand-in for a node")?;
    // It must also meet Pod Security: the tutorial runs it in a namespace that enforces `restricted`.
    ensure!(
        all.iter().all(|other| other == pod),
        "the pages have different ones: {all:#?}"
    );
    let command: Vec<String> =
        serde_json::from_value(pod["containers"][0]["readinessProbe"]["exec"]["command"].clone())?;
    let command = command.as_slice();

    let signer = SignerProcess::start(&[])?;
    let url = format!("http://localhost:{}", signer.port());
    let of = |token: &'static str| {
        [
            ("ATTO_SIGNER_REMOTE_URL", url.as_str()),
            ("ATTO_SIGNER_REMOTE_TOKEN", token),
        ]
    };
    assert!(is_ready(command, &of(TOKEN))?, "with its signer\n{}", signer.log());
    assert!(
        !is_ready(command, &of("another-token-of-32-bytes-0123456"))?,
        "with another token"
    );
    assert!(!is_ready(command, &[])?, "without a signer");
    signer.stop()?;
    assert!(!is_ready(command, &of(TOKEN))?, "when its signer has ended");

    let blocks = SignerProcess::start(&[("ATTO_SIGNER_CAPABILITIES", "CHALLENGE")])?;
    let url = format!("http://localhost:{}", blocks.port());
    let voteless = [
        ("ATTO_SIGNER_REMOTE_URL", url.as_str()),
        ("ATTO_SIGNER_REMOTE_TOKEN", TOKEN),
    ];
    assert!(!is_ready(command, &voteless)?, "without the capability to vote");
    blocks.stop().map(drop)
}
