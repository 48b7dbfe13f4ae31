//! Fields that a manifest or a rollback removes, or restores from another revision.

use anyhow::Result;
use serde_json::{Value, json};
use tests::operated::{VOTER, with};

use super::guarded::row::{Row, Step, run};
use super::guarded::{documented, documented_with, plain};
use super::steps::{BACKEND, TOKEN, URL, kubectl, node};

fn metadata(live: &mut Value) -> &mut Value {
    &mut live["spec"]["template"]["metadata"]
}

#[tokio::test]
async fn what_a_manifest_or_a_rollback_takes_away_is_guarded() -> Result<()> {
    let without_env = || {
        let mut manifest = plain();
        if let Some(node) = node(&mut manifest).as_object_mut() {
            node.remove("env");
        }
        manifest
    };
    let with_init = || {
        with(
            plain(),
            "/spec/template/spec/initContainers",
            json!([{"name": "migrate", "image": "registry.example/migrate:1"}]),
        )
    };
    let renamed = || with(plain(), "/spec/template/spec/containers/0/name", json!("voter"));
    let without_backend = || documented_with(BACKEND, None);
    let without_url = || documented_with(URL, None);
    let without_token = || documented_with(TOKEN, None);
    let rebind = || {
        let patch = r#"{"spec":{"signer":{"logLevel":"debug"}}}"#;
        kubectl(["patch", "signerbinding", "voter", "--type=merge", "-p", patch])
    };
    let undo = || kubectl(["rollout", "undo", "deployment/voter"]);
    run(vec![
        Row::refused(
            "rollout undo to before the injection",
            plain,
            undo(),
            "it drops init container signer; container node: ATTO_SIGNER_BACKEND is missing",
        ),
        Row::refused(
            "rollout undo to an older injected revision",
            plain,
            undo(),
            "it changes env of init container signer; it changes annotation signer.atto.cash/hash",
        )
        .after([rebind(), Step::Settle])
        .with_another_signer(),
        Row::refused(
            "replace with the manifest from Git",
            plain,
            Step::Replace(plain),
            "it drops init container signer",
        ),
        Row::refused(
            "replace with a manifest that has the variables",
            documented,
            Step::Replace(documented),
            "it drops init container signer",
        ),
        Row::refused(
            "apply of a manifest that has lost its env key",
            plain,
            Step::Apply(without_env),
            "container node: ATTO_SIGNER_BACKEND is missing",
        ),
        Row::refused(
            "apply of a manifest that has lost its initContainers key",
            with_init,
            Step::Apply(plain),
            "it drops init container signer",
        ),
        Row::refused(
            "apply of a manifest that renames the node's container",
            plain,
            Step::Apply(renamed),
            "it drops container node",
        ),
        Row::refused(
            "apply of a manifest that has lost ATTO_SIGNER_BACKEND",
            documented,
            Step::Apply(without_backend),
            "ATTO_SIGNER_BACKEND is missing",
        ),
        Row::refused(
            "apply of a manifest that has lost ATTO_SIGNER_REMOTE_URL",
            documented,
            Step::Apply(without_url),
            "ATTO_SIGNER_REMOTE_URL is missing",
        ),
        Row::refused(
            "apply of a manifest that has lost ATTO_SIGNER_REMOTE_TOKEN",
            documented,
            Step::Apply(without_token),
            "ATTO_SIGNER_REMOTE_TOKEN is missing",
        ),
    ])
    .await
}

#[tokio::test]
async fn annotation_and_label_are_guarded() -> Result<()> {
    run(vec![
        Row::refused(
            "the annotation removed",
            plain,
            Step::Edit(|live| metadata(live)["annotations"] = Value::Null),
            "it drops annotation signer.atto.cash/hash",
        ),
        Row::refused(
            "the annotation changed",
            plain,
            Step::Edit(|live| metadata(live)["annotations"]["signer.atto.cash/hash"] = json!("0123456789abcdef")),
            "it changes annotation signer.atto.cash/hash",
        ),
        Row::refused(
            "the label removed",
            plain,
            Step::Edit(|live| metadata(live)["labels"] = json!({"app": VOTER})),
            "it drops label signer.atto.cash/deployment",
        ),
        Row::refused(
            "the label changed",
            plain,
            Step::Edit(|live| metadata(live)["labels"]["signer.atto.cash/deployment"] = json!("another")),
            "it changes label signer.atto.cash/deployment",
        ),
    ])
    .await
}
