//! The operator writes nothing for a settled binding. The test counts requests at the API server, in a separate test
//! binary, so that it does not count requests of other tests.

use anyhow::{Result, ensure};
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::json;
use tests::control_plane::Request;
use tests::operated::{Place, SOON, VOTER};
use tests::write::write;
use tests::{eventually, signer_process};

/// One test, so that nothing else happens during the restart.
#[tokio::test]
async fn a_settled_binding_is_quiet() -> Result<()> {
    a_hundred_reconciles_of_a_settled_binding_write_nothing().await?;
    a_restart_of_the_operator_writes_nothing().await
}

/// The test changes the Deployment to wake its binding, and counts requests at the API server.
async fn a_hundred_reconciles_of_a_settled_binding_write_nothing() -> Result<()> {
    let place = Place::new("quiet").await?;
    place.injected().await?;
    place.condition("RolledOut", "False", "Progressing").await?;
    // Every full reconcile reads the binding once.
    let reconciles = || -> Result<usize> {
        let requests = place.requests_of_operator()?;
        let of_this = |request: &&Request| request.verb == "get" && request.resource() == "signerbindings";
        Ok(requests.iter().filter(of_this).count())
    };
    let writes = || -> Result<usize> {
        let requests = place.requests_of_operator()?;
        Ok(requests.iter().filter(|request| request.is_write()).count())
    };
    let versions = || async {
        let service = place
            .kubectl_ok(&[
                "get",
                "service",
                "voter-signer",
                "-o",
                "jsonpath={.metadata.resourceVersion}",
            ])
            .await?;
        Ok::<_, anyhow::Error>((service, place.binding().await?.metadata.resource_version))
    };
    // The pods are created after the injection. Their count is the last part of the status to change.
    place.is_quiet().await?;
    let (writes_before, versions_before) = (writes()?, versions().await?);
    let deployments: Api<k8s_openapi::api::apps::v1::Deployment> =
        Api::namespaced(place.client.clone(), &place.namespace);
    let mut version = None;
    for number in 0..100 {
        let before = reconciles()?;
        // A label changes the resourceVersion, and nothing that the Deployment controller uses.
        let plain = PatchParams::default();
        let touch = Patch::Merge(json!({"metadata": {"labels": {"touched": number.to_string()}}}));
        let touched = write(|| deployments.patch(VOTER, &plain, &touch)).await?;
        version = touched.metadata.resource_version;
        eventually(SOON, "a reconcile", async || {
            ensure!(reconciles()? > before, "none since the touch");
            Ok(())
        })
        .await?;
    }
    assert_eq!(writes()?, writes_before, "the operator wrote at steady state");
    assert_eq!(versions().await?, versions_before);
    assert_eq!(deployments.get(VOTER).await?.metadata.resource_version, version);
    Ok(())
}

async fn a_restart_of_the_operator_writes_nothing() -> Result<()> {
    let place = Place::new("restart").await?;
    place.injected().await?;
    let before = (
        place.deployment().await?["metadata"]["generation"].clone(),
        place.binding().await?.metadata.generation,
    );
    place.operated.stop()?;
    let second = tests::operator_process::OperatorProcess::start(place.operated.plane, &[]).await?;
    let port = second.admin_port();
    eventually(SOON, "the second operator's first reconciles", async || {
        let text = tokio::task::spawn_blocking(move || signer_process::get(port, "/metrics"))
            .await??
            .body;
        let done = tests::metrics::sum(&text, "atto_signer_operator_reconciles_total{result=\"ok\"}")?;
        ensure!(done > 0.0, "none yet");
        let mut writes = text
            .lines()
            .filter(|line| line.starts_with("atto_signer_operator_writes_total{kind=\"Deployment\""));
        ensure!(
            writes.all(|line| line.ends_with(" 0")),
            "it wrote a Deployment:\n{text}"
        );
        Ok(())
    })
    .await?;
    let status = second.stop()?;
    assert!(status.success(), "SIGTERM ended the operator with {status}");
    let after = (
        place.deployment().await?["metadata"]["generation"].clone(),
        place.binding().await?.metadata.generation,
    );
    assert_eq!(after, before);
    Ok(())
}
