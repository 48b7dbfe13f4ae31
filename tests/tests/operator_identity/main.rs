//! The identity of pods, or of their signers alone: the report about it, the annotation or the mounted token, and the
//! commands that grant the key.

mod keys;
mod release;
mod token;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::operated::{PROJECT, Place, SOON, VOTER, binding, voter, with};
use tests::{chart, eventually, pods};

const ANNOTATION: &str = "iam.gke.io/gcp-service-account";
const GOOGLE: &str = "signer@p.iam.gserviceaccount.com";

fn account() -> Value {
    json!({
        "apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": {"name": "voter", "annotations": {"team": "voters"}},
    })
}

fn with_account() -> Value {
    with(voter(), "/spec/template/spec/serviceAccountName", json!("voter"))
}

fn direct() -> Value {
    let version = "projects/p/locations/global/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1";
    with(binding(), "/spec/key", json!({"gcp": {"keyVersion": version}}))
}

fn acting_as(google: &str) -> Value {
    with(direct(), "/spec/workloadIdentity", json!({"gcpServiceAccount": google}))
}

async fn annotations(place: &Place, name: &str) -> Result<Value> {
    let text = place.kubectl_ok(&["get", "serviceaccount", name, "-o", "json"]).await?;
    Ok(serde_json::from_str::<Value>(&text)?["metadata"]["annotations"].clone())
}

async fn annotated(place: &Place, expected: Option<&str>) -> Result<()> {
    is_annotated(place, "voter", expected).await
}

async fn is_annotated(place: &Place, name: &str, expected: Option<&str>) -> Result<()> {
    eventually(SOON, &format!("the annotation {expected:?} of {name}"), async || {
        let found = annotations(place, name).await?;
        ensure!(found[ANNOTATION].as_str() == expected, "{found}");
        ensure!(
            found["team"] == "voters",
            "an annotation of somebody else is gone: {found}"
        );
        Ok(())
    })
    .await
}

/// Wakes the operator without a reason.
async fn is_touched(place: &Place) -> Result<()> {
    let touch = ["label", "deployment", VOTER, "touched=true"];
    place.kubectl_ok(&touch).await.map(drop)
}

#[tokio::test]
async fn the_account_is_annotated_repaired_and_given_back() -> Result<()> {
    let place = Place::new("annotated").await?;
    place.apply(&account()).await?;
    place.apply(&with_account()).await?;
    place
        .apply(&with(acting_as(GOOGLE), "/spec/deletionPolicy", json!("Remove")))
        .await?;
    let message = place
        .condition("IdentityReady", "Unknown", "ServiceAccountAnnotated")
        .await?;
    place.condition("Injected", "True", "Injected").await?;
    annotated(&place, Some(GOOGLE)).await?;
    let namespace = &place.namespace;
    for command in [
        format!("--member=\"serviceAccount:{PROJECT}.svc.id.goog[{namespace}/voter]\""),
        format!("{PROJECT}.svc.id.goog/subject/ns/{namespace}/sa/voter\""),
        format!("--member=\"serviceAccount:{GOOGLE}\""),
    ] {
        assert!(message.contains(&command), "`{command}` is missing in: {message}");
    }
    // Repeated reads use the API server's cache. A read before an annotation uses its storage.
    let lists = place.requests_of_operator()?;
    let mut lists = lists
        .iter()
        .filter(|request| request.verb == "list" && request.resource() == "pods" && request.uri.contains(namespace));
    let is_cached = |uri: &str| uri.contains("resourceVersion=0");
    assert!(lists.next().is_some_and(|first| !is_cached(&first.uri)));
    is_touched(&place).await?;
    eventually(SOON, "a list of pods from the cache", async || {
        let requests = place.requests_of_operator()?;
        let last = requests
            .iter()
            .rfind(|request| request.verb == "list" && request.resource() == "pods");
        ensure!(
            last.is_some_and(|last| is_cached(&last.uri)),
            "{:?}",
            last.map(|last| &last.uri)
        );
        Ok(())
    })
    .await?;
    for by_hand in [
        format!("{ANNOTATION}-"),
        format!("{ANNOTATION}=other@p.iam.gserviceaccount.com"),
    ] {
        place
            .kubectl_ok(&["annotate", "serviceaccount", "voter", "--overwrite", &by_hand])
            .await?;
        annotated(&place, Some(GOOGLE)).await?;
    }
    let other = "second@p.iam.gserviceaccount.com";
    place
        .apply(&with(acting_as(other), "/spec/deletionPolicy", json!("Remove")))
        .await?;
    annotated(&place, Some(other)).await?;
    // The other style needs no annotation.
    place
        .apply(&with(direct(), "/spec/deletionPolicy", json!("Remove")))
        .await?;
    place.condition("IdentityReady", "Unknown", "DirectGrant").await?;
    annotated(&place, None).await?;
    place
        .apply(&with(acting_as(GOOGLE), "/spec/deletionPolicy", json!("Remove")))
        .await?;
    annotated(&place, Some(GOOGLE)).await?;
    place.kubectl_ok(&["delete", "sb", VOTER, "--timeout=60s"]).await?;
    annotated(&place, None).await?;
    let denied = place.operated.plane.denied(chart::OPERATOR, None)?;
    assert_eq!(
        denied,
        Vec::<String>::new(),
        "the chart does not grant what the operator asks for"
    );
    Ok(())
}

#[tokio::test]
async fn a_grant_to_the_principal_needs_nothing_but_its_command() -> Result<()> {
    let place = Place::new("direct").await?;
    place.apply(&account()).await?;
    place.apply(&with_account()).await?;
    place.apply(&direct()).await?;
    let message = place.condition("IdentityReady", "Unknown", "DirectGrant").await?;
    let principal = format!("principal://iam.googleapis.com/projects/$(gcloud projects describe {PROJECT}");
    assert!(message.contains(&principal), "{message}");
    place.condition("Injected", "True", "Injected").await?;
    annotated(&place, None).await
}

/// Kubernetes does not show whether the key is granted to this account, so the operator does not refuse it.
#[tokio::test]
async fn the_account_default_with_a_direct_grant_is_told_with_the_commands_that_repair() -> Result<()> {
    let place = Place::new("direct-default").await?;
    place.apply(&voter()).await?;
    place.apply(&direct()).await?;
    let namespace = &place.namespace;
    let create = format!("kubectl create serviceaccount voter --namespace {namespace}");
    let message = place.condition("IdentityReady", "Unknown", "DirectGrant").await?;
    for part in [
        "found the ServiceAccount default",
        &create,
        &format!("/subject/ns/{namespace}/sa/voter"),
    ] {
        assert!(message.contains(part), "{part}: {message}");
    }
    assert!(
        !message.contains("/sa/default"),
        "the key would be granted to all: {message}"
    );
    let warns = async |expected: &[&str], parts: &[&str]| {
        eventually(SOON, &format!("the warnings {expected:?}"), async || {
            let status = place.binding().await?.status.unwrap_or_default();
            let found: Vec<_> = status
                .warnings
                .iter()
                .filter(|warning| warning.reason == "IdentityShared")
                .collect();
            let messages: Vec<_> = found.iter().map(|warning| warning.message.as_str()).collect();
            ensure!(found.len() == expected.len(), "{messages:?}");
            for part in parts {
                ensure!(messages.concat().contains(part), "{part}: {messages:?}");
            }
            Ok(())
        })
        .await
    };
    warns(
        &["IdentityShared"],
        &["Deployment voter: found the ServiceAccount default", &create],
    )
    .await?;

    place.kubectl_ok(&["create", "serviceaccount", "voter"]).await?;
    place.apply(&with_account()).await?;
    warns(&[], &[]).await?;
    place
        .apply(
            &json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "outsider"}, "spec": {
                "serviceAccountName": "voter", "containers": [{"name": "x", "image": "registry.example/x:1"}],
            }}),
        )
        .await?;
    place
        .kubectl_ok(&["label", "deployment", VOTER, "touched=true"])
        .await?;
    warns(&["IdentityShared"], &["which pod outsider uses as well"]).await
}

/// Waits for the refusal, and checks that neither the account nor the Deployment was changed.
async fn refused(place: &Place, reason: &str) -> Result<String> {
    let message = place.condition("IdentityReady", "False", reason).await?;
    place.condition("Injected", "False", "IdentityNotReady").await?;
    place.condition("Ready", "False", reason).await?;
    let deployment = place.deployment().await?;
    assert!(deployment["spec"]["template"]["spec"]["initContainers"].is_null());
    Ok(message)
}

#[tokio::test]
async fn the_account_default_is_refused_with_the_lines_to_add() -> Result<()> {
    let place = Place::new("default").await?;
    place.apply(&voter()).await?;
    place.apply(&acting_as(GOOGLE)).await?;
    let message = refused(&place, "NoServiceAccount").await?;
    // The printed lines are the missing ones, and can be applied unchanged.
    let (_, manifest) = message.split_once("kind: ServiceAccount").unwrap_or_default();
    let (manifest, _) = manifest.split_once("---").unwrap_or_default();
    let answer = place
        .kubectl(
            &["apply", "-f", "-"],
            &format!("apiVersion: v1\nkind: ServiceAccount{manifest}"),
        )
        .await?;
    ensure!(answer.succeeded, "{}", answer.stderr);
    place.apply(&with_account()).await?;
    place
        .condition("IdentityReady", "Unknown", "ServiceAccountAnnotated")
        .await?;
    place.condition("Injected", "True", "Injected").await?;
    Ok(())
}

#[tokio::test]
async fn a_missing_account_is_waited_for() -> Result<()> {
    let place = Place::new("absent").await?;
    place.apply(&with_account()).await?;
    place.apply(&acting_as(GOOGLE)).await?;
    refused(&place, "ServiceAccountNotFound").await?;
    place.apply(&account()).await?;
    place.condition("Injected", "True", "Injected").await?;
    annotated(&place, Some(GOOGLE)).await
}

#[tokio::test]
async fn an_annotation_of_the_manifest_is_not_taken_over() -> Result<()> {
    let place = Place::new("other").await?;
    let mut theirs = account();
    theirs["metadata"]["annotations"][ANNOTATION] = json!("other@p.iam.gserviceaccount.com");
    place.apply(&theirs).await?;
    place.apply(&with_account()).await?;
    place.apply(&acting_as(GOOGLE)).await?;
    let message = refused(&place, "FieldConflict").await?;
    assert!(
        message.contains("other@p.iam") && message.contains("kubectl-client-side-apply"),
        "{message}"
    );
    annotated(&place, Some("other@p.iam.gserviceaccount.com")).await?;
    place.apply(&account()).await?;
    place.condition("Injected", "True", "Injected").await?;
    Ok(())
}

#[tokio::test]
async fn an_account_that_other_pods_use_does_not_get_the_key() -> Result<()> {
    let place = Place::new("shared").await?;
    place.apply(&account()).await?;
    let stranger = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "stranger"},
        "spec": {"serviceAccountName": "voter", "containers": [{"name": "x", "image": "registry.example/x:1"}]},
    });
    place.apply(&stranger).await?;
    place.apply(&with_account()).await?;
    place.apply(&acting_as(GOOGLE)).await?;
    let message = refused(&place, "ServiceAccountShared").await?;
    assert!(message.contains("Pod stranger"), "{message}");
    annotated(&place, None).await?;
    place.kubectl_ok(&["delete", "pod", "stranger", "--now"]).await?;
    place.condition("Injected", "True", "Injected").await?;
    Ok(())
}

#[tokio::test]
async fn a_deployment_that_adopts_the_pods_of_an_earlier_one_has_no_strangers_among_them() -> Result<()> {
    let place = Place::new("adopted").await?;
    place.apply(&account()).await?;
    place.apply(&with_account()).await?;
    place.apply(&acting_as(GOOGLE)).await?;
    place.condition("Injected", "True", "Injected").await?;
    pods::roll_out(&place.client, &place.namespace, VOTER).await?;
    place.condition("Ready", "True", "Ready").await?;
    let names = async || place.kubectl_ok(&["get", "pods", "-o", "name"]).await;
    let before = names().await?;
    // Waits until the operator has taken over the copy. It would not do so if pods of another owner used the account.
    place.create_again_around_its_pods().await?;
    place
        .condition("IdentityReady", "Unknown", "ServiceAccountAnnotated")
        .await?;
    place.condition("Ready", "True", "Ready").await?;
    assert_eq!(names().await?, before, "the pods were replaced");
    Ok(())
}

/// A second voter with another name.
fn other(object: Value) -> Value {
    let mut object = with(object, "/metadata/name", json!("other"));
    if object["kind"] == "SignerBinding" {
        object["spec"]["target"]["name"] = json!("other");
        return object;
    }
    object["metadata"]["labels"]["app"] = json!("other");
    object["spec"]["selector"]["matchLabels"]["app"] = json!("other");
    object["spec"]["template"]["metadata"]["labels"]["app"] = json!("other");
    object
}

#[tokio::test]
async fn of_two_bindings_on_one_account_the_second_takes_nothing_from_the_first() -> Result<()> {
    let place = Place::new("two-wishes").await?;
    place.apply(&account()).await?;
    place.apply(&with_account()).await?;
    place.apply(&acting_as(GOOGLE)).await?;
    place.condition("Injected", "True", "Injected").await?;
    // Without pods, its use of the account is not visible.
    place
        .apply(&other(with(with_account(), "/spec/replicas", json!(0))))
        .await?;
    let patches = || -> Result<usize> {
        let requests = place.requests_of_operator()?.into_iter();
        let patches = requests.filter(|request| request.resource() == "serviceaccounts" && request.is_write());
        Ok(patches.count())
    };
    let before = patches()?;
    for second in [direct(), acting_as("second@p.iam.gserviceaccount.com")] {
        place.apply(&other(second)).await?;
        let told = place
            .condition_of("other", "IdentityReady", "False", "ServiceAccountShared")
            .await;
        let message = told.with_context(|| format!("writes of the account so far: {:?}", patches()))?;
        ensure!(message.contains("SignerBinding voter needs"), "{message}");
        place.is_quiet().await?;
        annotated(&place, Some(GOOGLE)).await?;
    }
    place
        .condition("IdentityReady", "Unknown", "ServiceAccountAnnotated")
        .await?;
    assert_eq!(patches()? - before, 0, "the account was written");

    // A signer without a binding still needs the annotation until it is removed.
    place.kubectl_ok(&["delete", "sb", VOTER]).await?;
    place.apply(&other(direct())).await?;
    eventually(SOON, "who needs the account now", async || {
        let message = place
            .condition_of("other", "IdentityReady", "False", "ServiceAccountShared")
            .await?;
        ensure!(message.contains("the signer of Deployment voter needs"), "{message}");
        Ok(())
    })
    .await?;
    annotated(&place, Some(GOOGLE)).await?;
    place.kubectl_ok(&["delete", "deployment", VOTER]).await?;
    place.kubectl_ok(&["annotate", "sb", "other", "look=again"]).await?;
    place
        .condition_of("other", "IdentityReady", "Unknown", "DirectGrant")
        .await?;
    annotated(&place, None).await
}
