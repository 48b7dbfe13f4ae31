//! `operator explain` describes the operator's decisions in plain words, and `operator remove` cleans up after a
//! deleted binding.

mod plugin;

use anyhow::{Result, ensure};
use serde_json::json;
use tests::operated::{Place, SOON, VOTER, binding, voter, with};
use tests::operator_process::command as operator;
use tests::{chart, eventually};

const DEPLOYMENT: &str = "deployment/voter";

async fn explain(place: &Place) -> Result<String> {
    let admin = place.operated.plane.admin();
    let (code, text) = operator(admin, &["explain", "--namespace", &place.namespace, DEPLOYMENT]).await?;
    ensure!(code == Some(0), "{code:?}: {text}");
    Ok(text)
}

fn assert_says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is missing in:\n{text}");
    }
}

#[tokio::test]
async fn a_deployment_is_explained_with_and_without_a_binding_and_when_refused() -> Result<()> {
    let place = Place::new("explain").await?;
    place.apply(&voter()).await?;
    assert_says(
        &explain(&place).await?,
        &["carries no signer", "No SignerBinding of its namespace names it"],
    );

    let taken = with(
        voter(),
        "/spec/template/spec/containers/1/ports",
        json!([{ "containerPort": 9090 }]),
    );
    place.apply(&taken).await?;
    place.apply(&binding()).await?;
    place.condition("Injected", "False", "PortConflict").await?;
    let text = explain(&place).await?;
    assert_says(
        &text,
        &[
            "SignerBinding voter:",
            "names Deployment voter",
            "accepted   yes",
            "injection  no (PortConflict)",
            "9090",
        ],
    );
    assert_says(&text, &["reported   Injected=False (PortConflict)"]);

    place.apply(&voter()).await?;
    place.condition("Injected", "True", "Injected").await?;
    let text = explain(&place).await?;
    assert_says(
        &text,
        &[
            "carries the operator's signer, rendered as",
            "exactly as the operator would write it",
            "token      ready",
        ],
    );
    assert!(!text.contains(tests::operated::TOKEN), "{text}");

    let admin = place.operated.plane.admin();
    let (code, text) = operator(admin, &["explain", "--namespace", &place.namespace, "deployment/other"]).await?;
    assert_eq!(code, Some(66), "{text}");
    let (code, text) = operator(admin, &["explain", "voter"]).await?;
    assert_eq!(code, Some(64), "{text}");
    Ok(())
}

fn with_replicas(mut spec: serde_json::Value, replicas: u32) -> serde_json::Value {
    spec["replicas"] = json!(replicas);
    spec
}

#[tokio::test]
async fn force_takes_the_signer_out_of_a_deployment_that_runs() -> Result<()> {
    let place = Place::new("force").await?;
    let carried = with(
        voter(),
        "/spec/template/spec/containers/0/env",
        json!([{ "name": "ATTO_SIGNER_BACKEND", "value": "REMOTE" }]),
    );
    place.apply(&carried).await?;
    let before = place.deployment().await?["spec"].clone();
    place.apply(&binding()).await?;
    place.condition("Injected", "True", "Injected").await?;
    place.kubectl_ok(&["delete", "signerbinding", VOTER]).await?;
    let cluster = place.operated.plane;
    let service_account = cluster
        .service_account(chart::NAMESPACE, chart::SERVICE_ACCOUNT)
        .await?;
    let forced = ["remove", "--force", "--namespace", &place.namespace, DEPLOYMENT];
    let (code, text) = operator(&service_account, &[&forced[..], &["--dry-run"]].concat()).await?;
    assert_eq!(code, Some(0), "{text}");
    assert_says(&text, &["This would stay", "ATTO_SIGNER_BACKEND of container node"]);
    let (code, text) = operator(&service_account, &forced).await?;
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(place.deployment().await?["spec"], before);
    Ok(())
}

#[tokio::test]
async fn an_orphan_is_found_and_cleaned_up_by_the_operator_alone() -> Result<()> {
    let place = Place::new("orphan").await?;
    place.apply(&voter()).await?;
    let before = place.deployment().await?["spec"].clone();
    place.injected().await?;
    let cluster = place.operated.plane;
    let remove = ["remove", "--namespace", &place.namespace, DEPLOYMENT];

    let service_account = cluster
        .service_account(chart::NAMESPACE, chart::SERVICE_ACCOUNT)
        .await?;
    let (code, text) = operator(&service_account, &remove).await?;
    assert_eq!(code, Some(78), "{text}");
    assert_says(&text, &["SignerBinding voter names Deployment voter", "deletionPolicy"]);

    place.kubectl_ok(&["delete", "signerbinding", VOTER]).await?;
    assert_says(
        &explain(&place).await?,
        &[
            "No SignerBinding",
            "the operator does not maintain its signer",
            "operator remove",
        ],
    );
    eventually(SOON, "the gauge of orphans", async || {
        let metrics = place.operated.get("/metrics").await?.body;
        ensure!(
            metrics.lines().any(|line| line == "atto_signer_operator_orphans 1"),
            "{metrics}"
        );
        Ok(())
    })
    .await?;
    let forced = [&remove[..], &["--force"]].concat();
    let (code, text) = operator(cluster.admin(), &forced).await?;
    assert_eq!(code, Some(77), "{text}");
    assert_says(&text, &["without its signer", "kubectl exec"]);

    let injected = place.deployment().await?;
    let (code, text) = operator(&service_account, &remove).await?;
    assert_eq!(code, Some(78), "{text}");
    assert_says(&text, &["runs (1 wanted)", "--replicas=0", "--force"]);
    let dry = [&remove[..], &["--dry-run"]].concat();
    let (code, text) = operator(&service_account, &dry).await?;
    assert_eq!(code, Some(0), "{text}");
    assert_says(
        &text,
        &[
            "Nothing was written",
            "- initContainer signer",
            "ATTO_SIGNER_REMOTE_URL",
            "Service voter-signer would be deleted",
            "without --force",
        ],
    );
    assert!(!text.contains("voter.example"), "a value that is not ours: {text}");
    assert_eq!(place.deployment().await?["spec"], injected["spec"]);
    place.kubectl_ok(&["get", "service", "voter-signer"]).await?;

    place.kubectl_ok(&["scale", DEPLOYMENT, "--replicas=0"]).await?;
    let (code, text) = operator(&service_account, &remove).await?;
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(place.deployment().await?["spec"], with_replicas(before, 0));
    let (code, text) = operator(&service_account, &remove).await?;
    assert_eq!(code, Some(0), "{text}");
    assert_says(&text, &["has nothing of the operator"]);
    eventually(SOON, "no orphan", async || {
        let metrics = place.operated.get("/metrics").await?.body;
        ensure!(
            metrics.lines().any(|line| line == "atto_signer_operator_orphans 0"),
            "{metrics}"
        );
        Ok(())
    })
    .await
}
