//! Everyday changes of a running voter by people, with the guard in force, leave nothing for the operator to repair.

mod managed;

use anyhow::{Result, ensure};
use managed::{is_content, ours, settled, writes};
use serde_json::json;
use tests::eventually;
use tests::operated::{Place, SOON, VOTER, binding, voter, with};

#[tokio::test]
async fn everyday_commands_cost_the_operator_no_write() -> Result<()> {
    let place = Place::new("everyday").await?;
    place.injected().await?;
    let (_, mut sets) = settled(&place).await?;
    let deployment = "deployment/voter";
    let scale = json!({
        "apiVersion": "autoscaling/v1", "kind": "Scale",
        "metadata": {"name": VOTER, "namespace": place.namespace}, "spec": {"replicas": 2},
    });
    let path = format!("/apis/apps/v1/namespaces/{}/deployments/voter/scale", place.namespace);
    // The commands, and whether they change the template.
    let commands: [(&[&str], bool); 8] = [
        (&["set", "image", deployment, "node=registry.example/node:2"], true),
        (&["set", "env", deployment, "-c", "node", "LOG=debug"], true),
        (
            &["set", "resources", deployment, "-c", "exporter", "--limits=cpu=200m"],
            true,
        ),
        (&["rollout", "restart", deployment], true),
        (&["rollout", "pause", deployment], false),
        (&["rollout", "resume", deployment], false),
        (&["scale", deployment, "--replicas=3"], false),
        // As an autoscaler sends it.
        (&["replace", "--raw", &path, "-f", "-"], false),
    ];
    for (command, rolls) in commands {
        let answer = place.kubectl(command, &scale.to_string()).await?;
        ensure!(answer.succeeded, "{command:?}: {}", answer.stderr);
        is_content(&place).await?;
        let (after, now) = settled(&place).await?;
        ours(&after)?;
        assert_eq!(now, sets + usize::from(rolls), "ReplicaSets after {command:?}");
        sets = now;
    }
    assert_eq!(place.deployment().await?["spec"]["replicas"], 2);

    // A rollback to a template with the signer loses nothing and needs no repair.
    place.kubectl_ok(&["rollout", "undo", deployment]).await?;
    is_content(&place).await?;
    let (after, now) = settled(&place).await?;
    ours(&after)?;
    assert_eq!(now, sets);

    // An edit is a replacement by the whole live object.
    place
        .replace(async || {
            Ok(with(
                settled(&place).await?.0,
                "/spec/template/spec/containers/1/image",
                json!("registry.example/exporter:2"),
            ))
        })
        .await?;
    is_content(&place).await?;
    ours(&settled(&place).await?.0)?;
    assert_eq!(writes(&place)?, 1, "one for the injection");

    // The injection still follows its binding after changes of other fields by other clients.
    place
        .apply(&with(binding(), "/spec/signer", json!({"logLevel": "debug"})))
        .await?;
    eventually(SOON, "the change of the binding", async || {
        let text = place.deployment().await?["spec"].to_string();
        ensure!(text.contains("ATTO_SIGNER_LOG"), "{text}");
        Ok(())
    })
    .await?;
    assert_eq!(writes(&place)?, 2);
    Ok(())
}

#[tokio::test]
async fn what_the_guard_refuses_leaves_the_operator_nothing_to_do() -> Result<()> {
    let place = Place::new("refused").await?;
    place.apply(&voter()).await?;
    settled(&place).await?;
    let before = place.injected().await?;
    settled(&place).await?;
    for (command, input) in [
        (&["rollout", "undo", "deployment/voter"][..], String::new()),
        (&["replace", "-f", "-"][..], voter().to_string()),
    ] {
        let refused = eventually(SOON, "the guard in force", async || {
            let answer = place
                .kubectl(&[command, &["--dry-run=server"]].concat(), &input)
                .await?;
            ensure!(!answer.succeeded, "{command:?} is let through");
            Ok(answer.stderr)
        })
        .await?;
        ensure!(refused.contains("container signer"), "{refused}");
        let answer = place.kubectl(command, &input).await?;
        ensure!(!answer.succeeded, "{command:?}: {}", answer.stdout);
    }
    is_content(&place).await?;
    assert_eq!(place.deployment().await?["spec"], before["spec"]);
    assert_eq!(writes(&place)?, 1);
    Ok(())
}
