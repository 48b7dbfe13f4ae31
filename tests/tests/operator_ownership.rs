//! The operator changes none of the fields that people write into a Deployment, and a removal leaves nothing of the
//! signer.

mod corpus;

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use crds::names::{DEPLOYMENT_LABEL, HASH_ANNOTATION, NODE_VARIABLES};
use serde_json::{Value, json};
use tests::operated::{Place, VOTER, binding, with};

/// The present Deployments, by name.
async fn live(place: &Place) -> Result<BTreeMap<String, Value>> {
    let text = place
        .kubectl_ok(&["get", "deployments", "-o", "json", "--show-managed-fields"])
        .await?;
    let list: Value = serde_json::from_str(&text)?;
    let items = list["items"].as_array().context("no list")?;
    Ok(items
        .iter()
        .map(|item| {
            let name = item["metadata"]["name"].as_str().unwrap_or_default();
            (name.to_owned(), item.clone())
        })
        .collect())
}

/// The spec without the fields that an injection adds by design. The rule is this test's own, not the operator's code.
fn without_signer(injected: &Value, before: &Value) -> Value {
    let mut spec = injected.clone();
    let template = &mut spec["template"];
    for (map, key) in [("labels", DEPLOYMENT_LABEL), ("annotations", HASH_ANNOTATION)] {
        drop_item(&mut template["metadata"], map, |items| {
            items.as_object_mut().is_some_and(|items| items.remove(key).is_some())
        });
    }
    drop_item(&mut template["spec"], "initContainers", |items| {
        let items = items.as_array_mut();
        items.is_some_and(|items| items.pop().is_some_and(|last| last["name"] == "signer"))
    });
    let was = before["template"]["spec"]["containers"].as_array();
    for (index, container) in template["spec"]["containers"]
        .as_array_mut()
        .into_iter()
        .flatten()
        .enumerate()
    {
        let old = was
            .and_then(|was| was[index]["env"].as_array())
            .cloned()
            .unwrap_or_default();
        drop_item(container, "env", |items| {
            let items = items.as_array_mut();
            items.is_some_and(|items| {
                items.retain(|item| {
                    old.contains(item) || !NODE_VARIABLES.iter().any(|variable| item["name"] == *variable)
                });
                true
            })
        });
    }
    spec
}

/// Removes an entry from a map or list, and the map or list itself once it is empty.
fn drop_item(parent: &mut Value, field: &str, take: impl FnOnce(&mut Value) -> bool) {
    let Some(items) = parent.get_mut(field) else { return };
    assert!(take(items), "{field} has nothing of ours: {items}");
    if matches!(items, Value::Object(map) if map.is_empty()) || matches!(items, Value::Array(list) if list.is_empty()) {
        parent.as_object_mut().map(|parent| parent.remove(field));
    }
}

fn selecting() -> Value {
    let target = json!({"selector": {"matchLabels": {"signed": "yes"}}});
    with(
        with(binding(), "/spec/target", target),
        "/spec/deletionPolicy",
        json!("Remove"),
    )
}

/// The number of the operator's writes to each Deployment of the namespace. Excludes writes that failed because another
/// client was faster: they have changed nothing.
fn writes(place: &Place) -> Result<BTreeMap<String, usize>> {
    let mut counts = BTreeMap::new();
    for request in place.requests_of_operator()? {
        if request.resource() == "deployments" && request.is_write() && request.code() != Some(409) {
            *counts.entry(request.name().to_owned()).or_default() += 1;
        }
    }
    Ok(counts)
}

/// Creates the part of the corpus that this Kubernetes supports, in one way, injects all of it with one binding, and
/// removes the signers again.
async fn is_restored(prefix: &str, takes_duplicates: bool, command: &[&str]) -> Result<()> {
    let place = Place::new(prefix).await?;
    let mut cases = corpus::all(place.operated.plane.minor().await?);
    cases.retain(|case| takes_duplicates || !case.has_duplicates);
    assert!(cases.len() >= 30, "{} cases", cases.len());
    let manifests: Vec<_> = cases.iter().map(corpus::Case::manifest).collect();
    let list = json!({"apiVersion": "v1", "kind": "List", "items": manifests});
    let answer = place.kubectl(command, &list.to_string()).await?;
    ensure!(answer.succeeded, "{}", answer.stderr);
    let before = live(&place).await?;
    assert_eq!(before.len(), cases.len());

    place.apply(&selecting()).await?;
    place.condition("Injected", "True", "Injected").await?;
    for (name, injected) in live(&place).await? {
        let spec = &before[&name]["spec"];
        assert_ne!(injected["spec"], *spec, "{name}: nothing was injected");
        assert_eq!(
            without_signer(&injected["spec"], spec),
            *spec,
            "{name}: more than the signer has changed"
        );
    }
    let once: BTreeMap<_, _> = cases.iter().map(|case| (case.name.clone(), 1)).collect();
    assert_eq!(writes(&place)?, once, "each is written once");

    place.kubectl_ok(&["delete", "sb", VOTER, "--timeout=60s"]).await?;
    for (name, after) in live(&place).await? {
        assert_eq!(after["spec"], before[&name]["spec"], "{name} is not what it was");
        let fields = after["metadata"]["managedFields"].to_string();
        assert!(
            !fields.contains("signer-operator"),
            "{name}: something is still ours: {fields}"
        );
    }
    let services = place.kubectl_ok(&["get", "services", "-o", "name"]).await?;
    assert_eq!(services, "", "Services are left");
    Ok(())
}

#[tokio::test]
async fn a_deployment_of_kubectl_apply_is_what_it_was() -> Result<()> {
    is_restored("applied", true, &["apply", "-f", "-"]).await
}

#[tokio::test]
async fn a_deployment_of_kubectl_create_is_what_it_was() -> Result<()> {
    is_restored("created", true, &["create", "-f", "-"]).await
}

#[tokio::test]
async fn a_deployment_of_server_side_apply_is_what_it_was() -> Result<()> {
    is_restored(
        "server-side",
        false,
        &["apply", "--server-side", "--field-manager=flux", "-f", "-"],
    )
    .await
}
