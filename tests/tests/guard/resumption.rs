//! Changes that were allowed while no pods started are checked when pods start.

use anyhow::Result;
use serde_json::json;
use tests::operated::{VOTER, with};

use super::guarded::plain;
use super::guarded::row::{Row, Step, in_signer, run, variable};
use super::steps::{BACKEND, kubectl, pause, resume, scale};

#[tokio::test]
async fn the_moment_at_which_pods_begin_is_guarded() -> Result<()> {
    let running = || with(plain(), "/spec/replicas", json!(1));
    let strip = || Step::Edit(|live| live["spec"]["template"]["spec"]["initContainers"] = json!([]));
    let local = || Step::Edit(|live| variable(live, BACKEND)["value"] = json!("LOCAL"));
    // Without a repair, the change of the template remains.
    run(vec![
        Row::refused(
            "pause, take the signer out, resume",
            plain,
            resume(),
            "init container signer is missing",
        )
        .after([Step::Unbind, pause(), strip()]),
        Row::refused(
            "pause, point the node elsewhere, resume",
            plain,
            resume(),
            "container node: ATTO_SIGNER_BACKEND is not REMOTE",
        )
        .after([Step::Unbind, pause(), local()]),
        Row::refused(
            "pause, change the signer's args, resume",
            plain,
            resume(),
            "init container signer has args, which the operator does not write",
        )
        .after([
            Step::Unbind,
            pause(),
            Step::Edit(|live| in_signer(live, "args", json!(["--capabilities=BLOCK"]))),
        ]),
        Row::refused(
            "pause, drop the label, resume",
            plain,
            resume(),
            "label signer.atto.cash/deployment is missing",
        )
        .after([
            Step::Unbind,
            pause(),
            Step::Edit(|live| live["spec"]["template"]["metadata"]["labels"] = json!({"app": VOTER})),
        ]),
        Row::refused(
            "pause, then take everything out and resume in one edit",
            plain,
            Step::Replace(running),
            "it drops init container signer",
        )
        .after([Step::Unbind, pause()]),
        Row::refused(
            "scale to 0, take the signer out, apply with replicas 1",
            plain,
            kubectl([
                "patch",
                "deployment",
                "voter",
                "--type=merge",
                "-p",
                r#"{"spec":{"replicas":1}}"#,
            ]),
            "init container signer is missing",
        )
        .after([Step::Unbind, scale("--replicas=0"), strip()]),
        Row::refused(
            "scale to 0, then rollout undo to before the injection",
            plain,
            kubectl(["rollout", "undo", "deployment/voter"]),
            "it drops annotation signer.atto.cash/hash",
        )
        .after([Step::Unbind, scale("--replicas=0")]),
    ])
    .await
}

#[tokio::test]
async fn what_the_operator_has_repaired_may_be_resumed() -> Result<()> {
    let strip = || Step::Edit(|live| live["spec"]["template"]["spec"]["initContainers"] = json!([]));
    let renamed = || {
        Step::Edit(|live| {
            let other = |name: &str| json!({"name": name, "image": "registry.example/node:1"});
            live["spec"]["template"]["spec"]["containers"] = json!([other("voter"), other("logs")]);
        })
    };
    run(vec![
        Row::refused(
            "pause, rename the node's container and add another, resume",
            plain,
            resume(),
            "no container has the variables ATTO_SIGNER_BACKEND",
        )
        .after([pause(), renamed(), Step::Settle]),
        Row::let_through(
            "scale to 0, take the signer out, scale back when it is repaired",
            plain,
            scale("--replicas=1"),
        )
        .after([scale("--replicas=0"), strip(), Step::Settle]),
        Row::let_through("pause and resume", plain, resume()).after([pause()]),
        Row::let_through(
            "pause, take the signer out, resume when it is repaired",
            plain,
            resume(),
        )
        .after([pause(), strip(), Step::Settle]),
        Row::let_go("take the signer out while it is paused", plain, strip()).after([Step::Unbind, pause()]),
        Row::let_go(
            "take the signer out and pause in one edit",
            plain,
            Step::Edit(|live| {
                live["spec"]["paused"] = json!(true);
                live["spec"]["template"]["spec"]["initContainers"] = json!([]);
            }),
        )
        .after([Step::Unbind]),
        Row::let_go("take the signer out at 0 replicas", plain, strip()).after([Step::Unbind, scale("--replicas=0")]),
    ])
    .await
}
