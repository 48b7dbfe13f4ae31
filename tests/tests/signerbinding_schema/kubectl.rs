//! kubectl's output about `SignerBinding`s for a person.

use crate::cluster::{Bindings, address, binding, cluster};
use anyhow::{Context, Result};
use serde_json::json;

#[tokio::test]
async fn the_columns_say_what_runs() -> Result<()> {
    let plane = cluster().await?;
    let namespace = plane.namespace("columns").await?;
    let bindings = Bindings::of(plane, &namespace).await?;
    bindings
        .create(&binding("voter", &json!({})))
        .await
        .map_err(anyhow::Error::msg)?;
    let condition = |type_: &str, status: &str| {
        json!({
            "type": type_, "status": status, "reason": "Progressing", "message": "0 of 1 pods", "observedGeneration": 1,
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        })
    };
    let conditions = [condition("Signing", "Unknown"), condition("Ready", "False")];
    let status = json!({"status": {"address": address(), "pods": "0/1", "conditions": conditions}}).to_string();
    let patch = [
        "patch",
        "sb",
        "voter",
        "-n",
        &namespace,
        "--subresource=status",
        "--type=merge",
        "-p",
        &status,
    ];
    plane.admin().kubectl_ok(&patch).await?;

    for name in [
        "signerbindings",
        "signerbinding",
        "sb",
        "atto",
        "signerbindings.signer.atto.cash",
    ] {
        let table = plane.admin().kubectl_ok(&["get", name, "-n", &namespace]).await?;
        let mut lines = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        let head = lines.next().context("a head")?;
        assert_eq!(
            head,
            ["NAME", "READY", "REASON", "SIGNING", "PODS", "AGE"],
            "kubectl get {name}"
        );
        let row = lines.next().context("a row")?;
        assert_eq!(
            row[..5],
            ["voter", "False", "Progressing", "Unknown", "0/1"],
            "kubectl get {name}"
        );
    }

    let wide = plane
        .admin()
        .kubectl_ok(&["get", "sb", "-n", &namespace, "-o", "wide"])
        .await?;
    for part in ["TARGET", "SELECTOR", "ADDRESS", "atto-voter", &address()] {
        assert!(wide.contains(part), "{part}:\n{wide}");
    }
    Ok(())
}

#[tokio::test]
async fn every_field_of_the_spec_is_explained() -> Result<()> {
    let plane = cluster().await?;
    let manifest: serde_json::Value = serde_yaml::from_str(crds::MANIFEST)?;
    let schema = &manifest["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"];
    let mut undocumented = Vec::new();
    collect_undocumented("spec", &schema["spec"], &mut undocumented);
    collect_undocumented("status", &schema["status"], &mut undocumented);
    assert_eq!(undocumented, Vec::<String>::new());

    for (field, says) in [
        (
            "signerbinding",
            "A SignerBinding gives the voter nodes of a Deployment a signer",
        ),
        (
            "signerbinding.spec.key",
            "exactly one of `gcp`, `aws`, `vault` and `local`",
        ),
        (
            "signerbinding.spec.key.gcp.keyVersion",
            "Full resource ID of the key version",
        ),
        ("sb.spec.deletionPolicy", "`Remove` restores the Deployment"),
        ("sb.spec.target.container", "Default: the container called `node`"),
    ] {
        let text = plane.admin().kubectl_ok(&["explain", field]).await?;
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains(says), "kubectl explain {field} lacks {says:?}: {text}");
    }
    Ok(())
}

fn collect_undocumented(path: &str, schema: &serde_json::Value, into: &mut Vec<String>) {
    if schema["description"].as_str().is_none_or(str::is_empty) {
        into.push(path.to_owned());
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        collect_undocumented(&format!("{path}.{name}"), property, into);
    }
    if let Some(items) = schema.get("items").filter(|items| items.get("properties").is_some()) {
        for (name, property) in items["properties"].as_object().into_iter().flatten() {
            collect_undocumented(&format!("{path}[].{name}"), property, into);
        }
    }
}

#[tokio::test]
async fn a_refused_manifest_names_the_field_and_what_to_write() -> Result<()> {
    let plane = cluster().await?;
    let namespace = plane.namespace("apply").await?;
    let wrong = binding("voter", &json!({"target": {"container": "signer"}, "suspended": true}));
    let apply = async |wrong: &serde_json::Value| {
        plane
            .admin()
            .kubectl_in(
                std::path::Path::new("."),
                &["apply", "-n", &namespace, "-f", "-"],
                &wrong.to_string(),
            )
            .await
    };
    let answer = apply(&wrong).await?;
    assert!(!answer.succeeded);
    assert!(
        answer.stderr.contains("unknown field \"spec.suspended\""),
        "{}",
        answer.stderr
    );

    let wrong = binding("voter", &json!({"target": {"container": "signer"}}));
    let answer = apply(&wrong).await?;
    assert!(!answer.succeeded);
    assert!(
        answer.stderr.contains("name the container of the node"),
        "{}",
        answer.stderr
    );
    Ok(())
}
