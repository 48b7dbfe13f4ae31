//! The message for a user whose empty key is not restored.

use anyhow::{Result, ensure};
use serde_json::json;
use tests::operated::{Operated, Place, VOTER, binding, with};

use super::key::{Form, Key, manifest};
use super::{cell, tool};

/// The field manager of an unknown tool. Before Kubernetes 1.36, every tool is treated like it.
const SOMEBODY: &str = "--field-manager=somebody";

#[tokio::test]
async fn who_is_refused_is_told_which_key_it_is_and_the_way_out_is_open() -> Result<()> {
    cell::prepare().await?;
    for (key, name) in [
        (Key::Env, "env"),
        (Key::InitContainers, "initContainers"),
        (Key::Annotations, "annotations"),
    ] {
        let place = Place::on(Operated::shared().await?, "refused").await?;
        let with_key = manifest(Some(key), Form::Null);
        tool::kubectl(&place, &with_key, &[SOMEBODY]).await?;
        place.apply(&binding()).await?;
        place.condition("Injected", "True", "Injected").await?;
        let injected = place.deployment().await?["spec"].clone();
        let apply = ["apply", SOMEBODY, "-f", "-"];
        let answer = place.kubectl(&apply, &with_key.to_string()).await?;
        ensure!(!answer.succeeded, "{key:?}: {}", answer.stdout);
        for words in [
            &format!("a key with nothing under it ({name})"),
            "pause",
            "take the key out of the manifest",
        ] {
            ensure!(
                answer.stderr.contains(words),
                "{key:?}: {words} is missing in {}",
                answer.stderr
            );
        }
        // The message's advice.
        place.kubectl_ok(&["rollout", "pause", "deployment", VOTER]).await?;
        let without_key = manifest(Some(key), Form::Absent);
        tool::kubectl(&place, &without_key, &[SOMEBODY]).await?;
        tests::eventually(tests::operated::SOON, "the injection put back", async || {
            let mut now = place.deployment().await?["spec"].clone();
            now.as_object_mut().map(|spec| spec.remove("paused"));
            ensure!(now == injected, "{now}");
            Ok(())
        })
        .await?;
        place.condition("Injected", "True", "Injected").await?;
        place.kubectl_ok(&["rollout", "resume", "deployment", VOTER]).await?;
        tool::kubectl(&place, &without_key, &[SOMEBODY]).await?;
        ensure!(place.deployment().await?["spec"] == injected, "{key:?}");
    }
    Ok(())
}

/// Many charts render a ServiceAccount with an empty `annotations:`.
#[tokio::test]
async fn an_account_with_empty_annotations_is_annotated() -> Result<()> {
    for annotations in [json!(null), json!({})] {
        let place = Place::on(Operated::shared().await?, "account").await?;
        let account = json!({
            "apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": VOTER, "annotations": annotations},
        });
        let apply = [
            "--server-side",
            "--force-conflicts",
            "--field-manager=kustomize-controller",
        ];
        place.apply_with(&account, &apply).await?;
        let deployment = manifest(None, Form::Absent);
        place
            .apply(&with(
                deployment,
                "/spec/template/spec/serviceAccountName",
                json!(VOTER),
            ))
            .await?;
        let version = "projects/p/locations/l/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1";
        let mut in_google = with(binding(), "/spec/key", json!({"gcp": {"keyVersion": version}}));
        in_google["spec"]["workloadIdentity"] = json!({"gcpServiceAccount": "signer@project.iam.gserviceaccount.com"});
        place.apply(&in_google).await?;
        place.condition("Injected", "True", "Injected").await?;
        place.apply_with(&account, &apply).await?;
        let found = place
            .kubectl_ok(&["get", "serviceaccount", VOTER, "-o", "json"])
            .await?;
        ensure!(
            found.contains("signer@project.iam.gserviceaccount.com"),
            "{annotations}: {found}"
        );
    }
    Ok(())
}
