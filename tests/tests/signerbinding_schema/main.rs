//! The API server itself accepts and refuses specs, with the expected messages.

mod cluster;
mod invalid;
mod keys;
mod kubectl;
mod signer;
mod valid;

use anyhow::{Result, ensure};
use cluster::{Bindings, binding, cluster};
use serde_json::{Value, json};

#[tokio::test]
async fn valid_specs_are_stored_as_they_were_written() -> Result<()> {
    let plane = cluster().await?;
    let bindings = Bindings::of(plane, &plane.namespace("valid").await?).await?;
    let mut wrong = Vec::new();
    for (name, change) in valid::changes().into_iter().chain(keys::valid()) {
        let asked = binding("voter", &change);
        match bindings.dry_run(&asked).await {
            // Equal, because no default may be written into manifests that people keep in Git.
            Ok(stored) if stored["spec"] == asked["spec"] => {}
            Ok(stored) => wrong.push(format!("{name}: stored as {}", stored["spec"])),
            Err(message) => wrong.push(format!("{name}: {message}")),
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

#[tokio::test]
async fn invalid_specs_are_refused_in_our_words() -> Result<()> {
    let plane = cluster().await?;
    let bindings = Bindings::of(plane, &plane.namespace("invalid").await?).await?;
    let mut wrong = Vec::new();
    for (name, change, expected) in invalid::changes().into_iter().chain(keys::invalid()) {
        match bindings.dry_run(&binding("voter", &change)).await {
            Err(message) if says(&message, &expected) => {}
            Err(message) => wrong.push(format!("{name}: expected {expected:?}, got {message:?}")),
            Ok(_) => wrong.push(format!("{name}: accepted, expected {expected:?}")),
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

/// Whether the parts between `…` follow each other in the message.
fn says(message: &str, expected: &str) -> bool {
    let mut rest = message;
    expected.split('…').all(|part| match rest.split_once(part) {
        Some((_, after)) => {
            rest = after;
            true
        }
        None => false,
    })
}

#[tokio::test]
async fn a_binding_without_a_spec_is_refused() -> Result<()> {
    let plane = cluster().await?;
    let bindings = Bindings::of(plane, &plane.namespace("no-spec").await?).await?;
    let mut asked = binding("voter", &json!({}));
    asked.as_object_mut().expect("an object").remove("spec");
    let message = bindings.dry_run(&asked).await.expect_err("it has no spec");
    assert!(message.contains("spec: Required value"), "{message}");
    Ok(())
}

#[tokio::test]
async fn the_target_is_immutable_and_the_rest_may_change() -> Result<()> {
    let immutable = |what: &str, other: &str| {
        Some(format!(
            "spec.target: Invalid value: …{what} is immutable: create another SignerBinding for the other {other} and delete this one"
        ))
    };
    let by_label = |value: &str| json!({"target": {"name": null, "selector": {"matchLabels": {"role": value}}}});
    let updates: Vec<(&str, Value, Value, Option<String>)> = vec![
        (
            "another name",
            json!({}),
            json!({"target": {"name": "other"}}),
            immutable("name", "Deployment"),
        ),
        (
            "name to selector",
            json!({}),
            by_label("voter"),
            immutable("name", "Deployment"),
        ),
        (
            "selector to name",
            by_label("voter"),
            json!({}),
            immutable("selector", "Deployments"),
        ),
        (
            "another selector",
            by_label("voter"),
            by_label("other"),
            immutable("selector", "Deployments"),
        ),
        (
            "a container",
            json!({}),
            json!({"target": {"container": "other"}}),
            None,
        ),
        (
            "another container",
            json!({"target": {"container": "one"}}),
            json!({"target": {"container": "other"}}),
            None,
        ),
        (
            "another backend",
            json!({}),
            json!({"key": {"gcp": null, "local": {"secretRef": {"name": "a", "key": "b"}}}}),
            None,
        ),
        ("other capabilities", json!({}), json!({"capabilities": ["VOTE"]}), None),
        (
            "another token",
            json!({}),
            json!({"tokenSecretRef": {"name": "next"}}),
            None,
        ),
        (
            "deletion policy and ports",
            json!({}),
            json!({"deletionPolicy": "Remove", "signer": {"ports": {"api": 9190}}}),
            None,
        ),
        (
            "a wrong value",
            json!({}),
            json!({"rollout": "no"}),
            Some("spec.rollout: Unsupported value".to_owned()),
        ),
    ];
    let plane = cluster().await?;
    let bindings = Bindings::of(plane, &plane.namespace("updates").await?).await?;
    let mut wrong = Vec::new();
    for (number, (name, before, after, expected)) in updates.into_iter().enumerate() {
        let object = format!("voter-{number}");
        let stored = bindings
            .create(&binding(&object, &before))
            .await
            .map_err(anyhow::Error::msg)?;
        let mut update = binding(&object, &after);
        update["metadata"]["resourceVersion"] = stored["metadata"]["resourceVersion"].clone();
        let result = bindings.try_replace(&update).await;
        match (&expected, &result) {
            (None, Ok(_)) => {}
            (Some(expected), Err(message)) if says(message, expected) => {}
            _ => wrong.push(format!("{name}: expected {expected:?}, got {:?}", result.map(drop))),
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}
