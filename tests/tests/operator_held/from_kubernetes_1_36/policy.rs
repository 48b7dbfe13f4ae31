//! The policies alone decide which Deployments are held, and for which binding.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::eventually;
use tests::hold::tried;
use tests::operated::{Place, SOON, VOTER, binding, voter, with};

use super::held::{BINDING, Held, second_binding};

/// Waits until the API server, whose watch sees a binding a moment later, holds the manifest for this binding.
async fn comes_to(place: &Place, manifest: &Value, expected: Option<&str>) -> Result<()> {
    eventually(SOON, &format!("a Deployment held for {expected:?}"), async || {
        let found = tried(place, manifest).await?;
        ensure!(found.as_deref() == expected, "held for {found:?}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_selector_selects_as_it_does_for_the_operator() -> Result<()> {
    let place = Held::new("labels").await?.place;
    let selector = json!({
        "matchLabels": {"app": "voter", "empty": ""},
        "matchExpressions": [
            {"key": "tier", "operator": "In", "values": ["a", "b"]},
            {"key": "zone", "operator": "NotIn", "values": ["x", "y"]},
            {"key": "live", "operator": "Exists"},
            {"key": "old", "operator": "DoesNotExist"},
        ],
    });
    place
        .apply(&with(binding(), "/spec/target", json!({"selector": selector})))
        .await?;
    let spec: crds::LabelSelector = serde_json::from_value(selector)?;
    let all = [("app", "voter"), ("empty", ""), ("tier", "b"), ("live", "")];
    let without = |key: &str| {
        all.iter()
            .copied()
            .filter(|(found, _)| *found != key)
            .collect::<Vec<_>>()
    };
    let plus = |key, value| [&all[..], &[(key, value)]].concat();
    let rows = [
        all.to_vec(),
        plus("zone", "z"),
        plus("zone", "x"),
        plus("old", ""),
        without("app"),
        without("empty"),
        without("tier"),
        without("live"),
        [&without("tier")[..], &[("tier", "c")]].concat(),
        [&without("app")[..], &[("app", "other")]].concat(),
        vec![],
    ];
    comes_to(&place, &with_labels(&rows[0]), Some(BINDING)).await?;
    for labels in rows {
        let wanted = spec.matches(
            &labels
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect(),
        );
        let found = tried(&place, &with_labels(&labels)).await?;
        ensure!(found.is_some() == wanted, "{labels:?}: held for {found:?}");
    }
    let mut unlabelled = voter();
    unlabelled["metadata"] = json!({"name": VOTER});
    ensure!(tried(&place, &unlabelled).await?.is_none(), "held without a label");
    // A name that the API server generates.
    let mut generated = with_labels(&all);
    let metadata = generated["metadata"].as_object_mut().context("no metadata")?;
    metadata.remove("name");
    metadata.insert("generateName".to_owned(), json!("voter-"));
    ensure!(
        tried(&place, &generated).await?.is_some(),
        "not held with a generated name"
    );
    Ok(())
}

fn with_labels(labels: &[(&str, &str)]) -> Value {
    let labels: serde_json::Map<_, _> = labels
        .iter()
        .map(|(key, value)| ((*key).to_owned(), json!(value)))
        .collect();
    with(voter(), "/metadata/labels", Value::Object(labels))
}

#[tokio::test]
async fn what_is_no_new_voter_of_a_binding_is_not_held() -> Result<()> {
    let held = Held::new("not-held").await?;
    let place = &held.place;
    place.apply(&binding()).await?;
    comes_to(place, &voter(), Some(BINDING)).await?;
    let mut other = voter();
    other["metadata"]["name"] = json!("other");
    for (what, manifest) in [
        ("one that nobody names", other),
        (
            "one that is paused on purpose",
            with(voter(), "/spec/paused", json!(true)),
        ),
    ] {
        let found = tried(place, &manifest).await?;
        ensure!(found.is_none(), "{what}: held for {found:?}");
    }
    let elsewhere = Held::new("elsewhere").await?.place;
    ensure!(
        tried(&elsewhere, &voter()).await?.is_none(),
        "held for another namespace's binding"
    );

    // If two bindings name a Deployment, it is held for either of them.
    place.apply(&second_binding()).await?;
    let found = tried(place, &voter()).await?;
    ensure!(found.is_some(), "two bindings, and not held");
    place.kubectl_ok(&["delete", "sb", "younger"]).await?;

    let suspended = with(binding(), "/spec/suspend", json!(true));
    place.apply(&suspended).await?;
    comes_to(place, &voter(), None).await?;
    place.apply(&binding()).await?;
    comes_to(place, &voter(), Some(BINDING)).await?;
    let kept = r#"{"metadata": {"finalizers": ["example.com/kept"]}}"#;
    place
        .kubectl_ok(&["patch", "sb", BINDING, "--type=merge", "-p", kept])
        .await?;
    place.kubectl_ok(&["delete", "sb", BINDING, "--wait=false"]).await?;
    comes_to(place, &voter(), None).await?;
    place
        .kubectl_ok(&[
            "patch",
            "sb",
            BINDING,
            "--type=merge",
            "-p",
            r#"{"metadata": {"finalizers": null}}"#,
        ])
        .await
        .map(drop)
}

#[tokio::test]
async fn a_backup_is_held_unless_it_is_whole() -> Result<()> {
    let held = Held::new("backup").await?;
    let place = &held.place;
    place.apply(&binding()).await?;
    place.apply(&voter()).await?;
    held.goes_on_whole().await?;
    let mut backup = place.deployment().await?;
    for field in ["metadata", "status"] {
        backup[field] = json!({});
    }
    backup["metadata"] = json!({"name": VOTER, "labels": {"app": VOTER}});
    place.kubectl_ok(&["delete", "deployment", VOTER]).await?;
    comes_to(place, &backup, None).await?;
    let env = "/spec/template/spec/containers/0/env";
    let mut twice = backup.clone();
    let second = json!({"name": "ATTO_SIGNER_BACKEND", "value": "LOCAL"});
    // Server-side decoding keeps the last of two entries. Client-side validation reports them.
    let list = twice.pointer_mut(env).and_then(Value::as_array_mut).context("no env")?;
    list.push(second);
    let mut without = backup.clone();
    without["spec"]["template"]["spec"]["initContainers"] = json!([]);
    for (what, manifest) in [
        ("no signer", without),
        ("no variables", with(backup.clone(), env, json!([]))),
        ("another backend", twice),
        (
            "a signer that ends",
            with(
                backup.clone(),
                "/spec/template/spec/initContainers",
                json!([{"name": "signer", "image": "registry.example/signer:1"}]),
            ),
        ),
        (
            "no annotation",
            with(backup.clone(), "/spec/template/metadata/annotations", json!({})),
        ),
    ] {
        let found = tried(place, &manifest).await?;
        ensure!(found.as_deref() == Some(BINDING), "{what}: held for {found:?}");
    }
    Ok(())
}

#[tokio::test]
async fn whoever_deletes_a_binding_that_removes_is_told_what_a_running_voter_loses() -> Result<()> {
    let held = Held::new("removal").await?;
    let place = &held.place;
    let removes = with(binding(), "/spec/deletionPolicy", json!("Remove"));
    place.apply(&removes).await?;
    place.apply(&voter()).await?;
    held.goes_on_whole().await?;
    let told = async || {
        let answer = place
            .kubectl(&["delete", "sb", BINDING, "--dry-run=server"], "")
            .await?;
        ensure!(answer.succeeded, "{}", answer.stderr);
        Ok(answer.stderr)
    };
    let said = told().await?;
    for part in [
        "Warning:",
        "spec.deletionPolicy is Remove: Deployment voter loses its signer now",
        &format!(
            "kubectl scale deployment/voter --replicas=0 --namespace {}",
            place.namespace
        ),
    ] {
        ensure!(said.contains(part), "no {part:?} in {said}");
    }
    place.kubectl_ok(&["scale", "deployment/voter", "--replicas=0"]).await?;
    place.condition("RolledOut", "True", "ScaledToZero").await?;
    let said = told().await?;
    ensure!(!said.contains("loses its signer"), "nothing runs: {said}");
    place.kubectl_ok(&["scale", "deployment/voter", "--replicas=1"]).await?;
    let retains = with(binding(), "/spec/deletionPolicy", json!("Retain"));
    place.apply(&retains).await?;
    let said = told().await?;
    ensure!(!said.contains("loses its signer"), "nothing is removed: {said}");
    Ok(())
}
