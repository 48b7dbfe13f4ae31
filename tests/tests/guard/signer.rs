//! The init container `signer`: every field that determines what it runs.

use anyhow::Result;
use serde_json::{Value, json};

use super::guarded::plain;
use super::guarded::row::{Row, Step, container, in_signer, push_variable, run};
use super::steps::kubectl;

#[tokio::test]
async fn the_signer_is_guarded() -> Result<()> {
    run(vec![
        Row::refused(
            "set image signer=…",
            plain,
            kubectl(["set", "image", "deployment/voter", "signer=registry.example/signer:1"]),
            "it changes image of init container signer",
        ),
        Row::refused(
            "set image '*=…'",
            plain,
            kubectl(["set", "image", "deployment/voter", "*=registry.example/node:2"]),
            "it changes image of init container signer",
        ),
        Row::refused(
            "set env -c signer",
            plain,
            kubectl([
                "set",
                "env",
                "deployment/voter",
                "--containers=signer",
                "ATTO_SIGNER_LOG=trace",
            ]),
            "it changes env of init container signer",
        ),
        Row::refused(
            "set env without -c",
            plain,
            kubectl(["set", "env", "deployment/voter", "LOG=debug"]),
            "it changes env of init container signer",
        ),
        Row::refused(
            "args of the signer",
            plain,
            Step::Edit(|live| in_signer(live, "args", json!(["--capabilities=BLOCK,VOTE,CHALLENGE"]))),
            "it changes args of init container signer",
        ),
        Row::refused(
            "command of the signer",
            plain,
            Step::Edit(|live| in_signer(live, "command", json!(["sleep", "infinity"]))),
            "it changes command of init container signer",
        ),
        Row::refused(
            "envFrom of the signer",
            plain,
            Step::Edit(|live| in_signer(live, "envFrom", json!([{"secretRef": {"name": "policy"}}]))),
            "it changes envFrom of init container signer",
        ),
        Row::refused(
            "lifecycle of the signer",
            plain,
            Step::Edit(|live| in_signer(live, "lifecycle", json!({"postStart": {"exec": {"command": ["true"]}}}))),
            "it changes lifecycle of init container signer",
        ),
        Row::refused(
            "a further policy variable of the signer",
            plain,
            Step::Edit(|live| {
                push_variable(
                    container(live, "initContainers", "signer"),
                    json!({"name": "ATTO_SIGNER_POLICY_NETWORKS", "value": "BETA"}),
                );
            }),
            "it changes env of init container signer",
        ),
        Row::refused(
            "the signer without restartPolicy",
            plain,
            Step::Edit(|live| {
                for field in ["restartPolicy", "livenessProbe", "startupProbe"] {
                    in_signer(live, field, Value::Null);
                }
            }),
            "it changes restartPolicy of init container signer",
        ),
        Row::refused(
            "the signer moved to containers",
            plain,
            Step::Edit(|live| {
                let pod = &mut live["spec"]["template"]["spec"];
                let mut signer = pod["initContainers"][0].take();
                signer["restartPolicy"] = Value::Null;
                pod["initContainers"] = json!([]);
                if let Some(containers) = pod["containers"].as_array_mut() {
                    containers.push(signer);
                }
            }),
            "it drops init container signer",
        ),
    ])
    .await
}
