//! Every file in `examples/` works as its comments describe, with a running operator and a real API server.

mod support;

mod gitops;
mod key_in_the_node;
mod kustomize;
mod migration;
mod scope;
mod whole;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use support::Example;
use tests::operated::SOON;
use tests::{eventually, workspace};

#[tokio::test]
async fn the_quickstart_gives_a_voter_a_signer_and_its_invalid_binding_is_refused() -> Result<()> {
    let example = Example::in_namespace("quickstart", "atto-quickstart".to_owned()).await?;
    example.apply_all().await?;
    let answer = example.try_apply(&example.path("invalid/signerbinding.yaml")).await?;
    assert!(!answer.succeeded, "the invalid binding was accepted");
    for expected in [
        "must be the full resource ID of a key version",
        "name the container of the node",
    ] {
        assert!(answer.stderr.contains(expected), "{}", answer.stderr);
    }
    example.injected().await
}

#[tokio::test]
async fn a_voter_with_google_cloud_kms_keeps_its_token_when_the_folder_is_applied_again() -> Result<()> {
    let example = Example::new("google-cloud-kms").await?;
    example.apply_all().await?;
    example.place.condition("TokenReady", "False", "SecretNotFound").await?;
    example.token("atto-signer-secrets-1").await?;
    example.injected().await?;
    example.apply_all().await?;
    example.place.condition("TokenReady", "True", "TokenFound").await?;
    example
        .place
        .condition("IdentityReady", "Unknown", "DirectGrant")
        .await
        .map(drop)
}

/// All files of all examples.
fn files() -> Result<Vec<PathBuf>> {
    let (mut folders, mut files) = (vec![workspace::root().join("examples")], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let of_its_kind = if path.is_dir() { &mut folders } else { &mut files };
            of_its_kind.push(path);
        }
    }
    Ok(files)
}

/// A Secret or ConfigMap of a public file would overwrite the reader's own. The Secret of the quickstart is public on
/// purpose, in a separate namespace.
#[test]
fn no_example_brings_a_secret_or_a_certificate() -> Result<()> {
    for path in files()? {
        let is_public = path.ends_with("quickstart/10-token-secret.yaml");
        let text = fs::read_to_string(&path)?;
        let brings = text
            .lines()
            .any(|line| ["kind: Secret", "kind: ConfigMap"].contains(&line));
        assert!(is_public || !brings, "{}", path.display());
    }
    Ok(())
}

#[tokio::test]
async fn a_google_service_account_is_annotated() -> Result<()> {
    let example = Example::with_token("google-service-account").await?;
    example.apply_all().await?;
    example.injected().await?;
    let message = example
        .place
        .condition("IdentityReady", "Unknown", "ServiceAccountAnnotated")
        .await?;
    let account = example.object("serviceaccount/atto-voter").await?;
    assert_eq!(
        account["metadata"]["annotations"]["iam.gke.io/gcp-service-account"],
        "signer@my-project.iam.gserviceaccount.com"
    );
    // The file has the commands that the condition prints.
    for part in [
        "gcloud kms keys add-iam-policy-binding voter",
        "gcloud iam service-accounts add-iam-policy-binding signer@my-project.iam.gserviceaccount.com",
        "roles/iam.workloadIdentityUser",
    ] {
        assert!(message.contains(part), "{part}: {message}");
        assert!(example.text("30-signerbinding.yaml")?.contains(part), "{part}");
    }
    Ok(())
}

#[tokio::test]
async fn each_other_key_service_takes_a_token_that_the_signer_alone_has() -> Result<()> {
    for (folder, audience, printed) in [
        (
            "vault",
            "https://vault.example.com:8200",
            "bao write auth/kubernetes/role/atto-voter ",
        ),
        (
            "aws-kms",
            "sts.amazonaws.com",
            "aws iam create-role --role-name atto-voter ",
        ),
        (
            "google-federation",
            "//iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/atto-voters/providers/cluster-1",
            "gcloud iam workload-identity-pools providers create-oidc cluster-1 --workload-identity-pool=atto-voters ",
        ),
    ] {
        let example = Example::with_token(folder).await?;
        example.apply_all().await?;
        example.injected().await?;
        let message = example
            .place
            .condition("IdentityReady", "Unknown", "ProjectedToken")
            .await?;
        assert!(message.contains(printed), "{folder}: {message}");
        assert!(
            example.text("30-signerbinding.yaml")?.contains(printed),
            "{folder}: {printed}"
        );
        let deployment = example.object("deployment/atto-voter").await?;
        let spec = &deployment["spec"]["template"]["spec"];
        let token = &spec["volumes"][0]["projected"]["sources"][0]["serviceAccountToken"];
        assert_eq!(token["audience"], audience, "{folder}");
        assert!(spec["containers"][0]["volumeMounts"].is_null(), "{folder}");
        let mut warnings = example.place.binding().await?.status.unwrap_or_default().warnings;
        // The other examples have the same key.
        warnings.retain(|warning| warning.reason != "SharedKeyVersion");
        assert!(warnings.is_empty(), "{folder}: {warnings:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_selector_serves_every_deployment_that_matches() -> Result<()> {
    let example = Example::with_token("selector").await?;
    example.apply_all().await?;
    example.injected().await?;
    for name in ["atto-voter-a", "atto-voter-b"] {
        assert!(example.has_signer(name).await?, "{name}");
    }
    Ok(())
}

#[tokio::test]
async fn a_manual_rollout_waits_for_the_approval_that_the_example_gives() -> Result<()> {
    let example = Example::with_token("manual-rollout").await?;
    example.apply_all().await?;
    example.place.condition("Injected", "False", "ApprovalPending").await?;
    assert!(!example.has_signer("atto-voter").await?);
    let wait = [
        "wait",
        "signerbinding/voter",
        "--timeout=60s",
        "--for=jsonpath={.status.plan.hash}",
    ];
    example.place.kubectl_ok(&wait).await?;
    let diff = ["get", "signerbinding", "voter", "-o", "jsonpath={.status.plan.diff}"];
    assert!(
        example
            .place
            .kubectl_ok(&diff)
            .await?
            .contains("ATTO_SIGNER_REMOTE_URL")
    );
    example.approve().await?;
    example.injected().await
}

#[tokio::test]
async fn a_token_is_rotated_by_another_name_in_one_rollout() -> Result<()> {
    let example = Example::with_token("token-rotation").await?;
    example.token("atto-signer-secrets-2").await?;
    for file in ["20-voter.yaml", "30-signerbinding.yaml"] {
        example.apply(file).await?;
    }
    example.injected().await?;
    let before = example.object("deployment/atto-voter").await?;
    assert!(!pod(&before).contains("atto-signer-secrets-2"));

    example.apply("rotated/30-signerbinding.yaml").await?;
    let after = eventually(SOON, "the other token", async || {
        let deployment = example.object("deployment/atto-voter").await?;
        ensure!(pod(&deployment).contains("atto-signer-secrets-2"), "not yet");
        Ok(deployment)
    })
    .await?;
    // Both containers, in one change of the template.
    assert_eq!(pod(&after).matches("atto-signer-secrets-2").count(), 2);
    assert!(!pod(&after).contains("atto-signer-secrets-1"));
    let generation = |deployment: &Value| deployment["metadata"]["generation"].as_i64().context("none");
    assert_eq!(generation(&after)?, generation(&before)? + 1);
    example.injected().await
}

/// The environment of the pod's containers.
fn pod(deployment: &Value) -> String {
    let pod = &deployment["spec"]["template"]["spec"];
    format!("{}{}", pod["initContainers"], pod["containers"])
}

#[tokio::test]
async fn the_kotlin_image_is_injected_where_its_prefix_is_allowed() -> Result<()> {
    let example = Example::with_token("kotlin-signer").await?;
    example.apply_all().await?;
    example.injected().await?;
    let deployment = example.object("deployment/atto-voter").await?;
    let signer = &deployment["spec"]["template"]["spec"]["initContainers"][0];
    assert_eq!(signer["image"], "ghcr.io/attocash/signer:1-release");
    assert_eq!(signer["resources"]["limits"]["memory"], "256Mi");
    Ok(())
}

/// The example of one page works with the Secret that another page has created.
#[test]
fn every_example_reads_the_same_keys_of_the_secret_with_the_credentials() -> Result<()> {
    for path in files()? {
        let text = fs::read_to_string(&path)?;
        let keys = text.split("name: atto-db-credentials\n").skip(1);
        for key in keys.filter_map(|rest| rest.lines().next()) {
            let known = ["key: NAME", "key: USER", "key: PASSWORD"];
            assert!(known.contains(&key.trim()), "{}: {key}", path.display());
        }
    }
    Ok(())
}

#[test]
fn no_folder_of_examples_is_left_out() -> Result<()> {
    let mut folders = fs::read_dir(workspace::root().join("examples"))?
        .map(|entry| Ok(entry?.file_name().into_string().unwrap_or_default()))
        .collect::<Result<Vec<_>>>()?;
    folders.sort();
    let tested = [
        "aws-kms",
        "gitops",
        "google-cloud-kms",
        "google-federation",
        "google-service-account",
        "key-in-the-node",
        "kotlin-signer",
        "kustomize",
        // By chart_lifecycle.
        "kustomize-operator",
        "manual-rollout",
        "migration",
        "namespaced",
        "quickstart",
        "selector",
        "token-rotation",
        "vault",
    ];
    assert_eq!(folders, tested);
    Ok(())
}
