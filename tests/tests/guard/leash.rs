//! The changes that the operator's own ServiceAccount may make to a Deployment, as a person with its token could.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use tests::kubeconfig::Answer;
use tests::operated::{Place, VOTER, with};
use tests::{Kubeconfig, chart};

use super::guarded::row::{Step, container, injected};
use super::guarded::{place, plain};
use super::leash_cases::{ALLOWED, REFUSED};

/// Tries a change as the operator, in a dry run. Its rights allow only patches.
async fn tried(place: &Place, operator: &Kubeconfig, live: &Value, change: fn(&mut Value)) -> Result<Answer> {
    let mut changed = live.clone();
    change(&mut changed);
    let mut patch = vec![json!({"op": "replace", "path": "/spec", "value": changed["spec"]})];
    for field in ["annotations", "labels", "finalizers"] {
        if changed["metadata"][field] != live["metadata"][field] {
            patch.push(json!({"op": "add", "path": format!("/metadata/{field}"), "value": changed["metadata"][field]}));
        }
    }
    let patch = Value::Array(patch).to_string();
    let arguments = [
        "--namespace",
        &place.namespace,
        "patch",
        "deployment",
        VOTER,
        "--dry-run=server",
        "--type=json",
        "-p",
        &patch,
    ];
    operator.kubectl(&arguments).await
}

/// A voter with fields of all kinds. No other client writes to it meanwhile.
async fn voter(place: &Place) -> Result<Value> {
    let mut manifest = with(
        plain(),
        "/spec/template/spec/volumes",
        json!([{"name": "data", "emptyDir": {}}]),
    );
    container(&mut manifest, "containers", "node")["volumeMounts"] = json!([{"name": "data", "mountPath": "/data"}]);
    manifest["spec"]["template"]["spec"]["initContainers"] =
        json!([{"name": "migrate", "image": "registry.example/migrate:1"}]);
    injected(place, manifest).await?;
    place.kubectl_ok(&["delete", "signerbinding", VOTER]).await?;
    place.is_quiet().await?;
    place.deployment().await
}

#[tokio::test]
async fn it_may_change_what_it_injects_and_nothing_else() -> Result<()> {
    let place = place().await?;
    let live = voter(&place).await?;
    let operator = place
        .operated
        .plane
        .service_account(chart::NAMESPACE, chart::SERVICE_ACCOUNT)
        .await?;
    let mut wrong = Vec::new();
    for (name, change, words) in REFUSED {
        let answer = tried(&place, &operator, &live, *change).await?;
        let refusal =
            "the signer operator may change nothing of Deployment voter but what it injects: found a change of ";
        if answer.succeeded || !answer.stderr.contains(refusal) || !answer.stderr.contains(words) {
            wrong.push(format!("{name}: wanted {words}: {}{}", answer.stdout, answer.stderr));
        }
    }
    for (name, change, _) in ALLOWED {
        let answer = tried(&place, &operator, &live, *change).await?;
        if !answer.succeeded {
            wrong.push(format!("{name} was refused: {}", answer.stderr));
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

#[tokio::test]
async fn it_resumes_what_was_held_for_it_and_nothing_else() -> Result<()> {
    let place = place().await?;
    voter(&place).await?;
    place.kubectl_ok(&["rollout", "pause", "deployment", VOTER]).await?;
    let operator = place
        .operated
        .plane
        .service_account(chart::NAMESPACE, chart::SERVICE_ACCOUNT)
        .await?;
    let resume: fn(&mut Value) = |live| live["spec"]["paused"] = json!(false);
    let by_a_person = tried(&place, &operator, &place.deployment().await?, resume).await?;
    assert!(
        by_a_person.stderr.contains("found a change of spec.paused"),
        "{}{}",
        by_a_person.stdout,
        by_a_person.stderr
    );

    place
        .kubectl_ok(&["annotate", "deployment", VOTER, "signer.atto.cash/held=voter"])
        .await?;
    let held: fn(&mut Value) = |live| {
        live["spec"]["paused"] = json!(false);
        live["metadata"]["annotations"]
            .as_object_mut()
            .into_iter()
            .for_each(|all| drop(all.remove("signer.atto.cash/held")));
    };
    let resumed = tried(&place, &operator, &place.deployment().await?, held).await?;
    ensure!(resumed.succeeded, "{}", resumed.stderr);
    // Only the API server may mark a Deployment as held.
    let moved: fn(&mut Value) = |live| live["metadata"]["annotations"]["signer.atto.cash/held"] = json!("another");
    let moved = tried(&place, &operator, &place.deployment().await?, moved).await?;
    assert!(
        moved.stderr.contains("annotation signer.atto.cash/held"),
        "{}{}",
        moved.stdout,
        moved.stderr
    );
    Ok(())
}

#[tokio::test]
async fn volumes_that_the_signer_alone_mounts_stay_as_they_are_for_everybody_else() -> Result<()> {
    let place = place().await?;
    voter(&place).await?;
    let operator = place
        .operated
        .plane
        .service_account(chart::NAMESPACE, chart::SERVICE_ACCOUNT)
        .await?;
    let ours = json!([
        {"op": "add", "path": "/spec/template/spec/volumes/-", "value": {"name": "ours", "secret": {"secretName": "a"}}},
        {"op": "add", "path": "/spec/template/spec/initContainers/1/volumeMounts", "value": [{"name": "ours", "mountPath": "/ours"}]},
    ]);
    let live = place.deployment().await?;
    let signer = live["spec"]["template"]["spec"]["initContainers"].as_array();
    let index = signer.and_then(|list| list.iter().position(|container| container["name"] == "signer"));
    let ours = ours.to_string().replace(
        "initContainers/1/",
        &format!("initContainers/{}/", index.unwrap_or_default()),
    );
    operator
        .kubectl_ok(&[
            "--namespace",
            &place.namespace,
            "patch",
            "deployment",
            VOTER,
            "--type=json",
            "-p",
            &ours,
        ])
        .await?;
    let edit = Step::Edit(|live| {
        let volumes = live["spec"]["template"]["spec"]["volumes"].as_array_mut();
        let ours = volumes.into_iter().flatten().filter(|volume| volume["name"] == "ours");
        ours.for_each(|volume| volume["secret"]["secretName"] = json!("b"));
    });
    let answer = edit.take(&place).await?;
    let words = "it changes volume ours of init container signer";
    assert!(answer.stderr.contains(words), "{}{}", answer.stdout, answer.stderr);
    Ok(())
}
