//! Only the signer may mount the volume with its token. With the token, code in another container could use the key
//! without the signer.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use tests::operated::{Place, SOON, VOTER, binding, with};
use tests::{chart, eventually};

use super::guarded::row::container;
use super::guarded::{place, plain};
use super::steps::{pause, scale};

const REFUSAL: &str = "a volume that only its signer may mount (signer-identity): with the token in it";

/// A voter whose signer has a token of its own, and an init container before it.
async fn voter(place: &Place) -> Result<Value> {
    let mut manifest = plain();
    manifest["spec"]["template"]["spec"]["initContainers"] =
        json!([{"name": "migrate", "image": "registry.example/migrate:1"}]);
    place.apply(&manifest).await?;
    let key = json!({"vault": {
        "address": "https://vault.example.com", "key": "voter", "version": 1, "auth": {"kubernetes": {"role": "voter"}},
    }});
    place.apply(&with(binding(), "/spec/key", key)).await?;
    place.condition("Injected", "True", "Injected").await?;
    place.deployment().await
}

fn mount(live: &mut Value, list: &str, name: &str) {
    container(live, list, name)["volumeMounts"] = json!([{"name": "signer-identity", "mountPath": "/stolen"}]);
}

/// A change of the template, as `kubectl patch` sends it.
async fn patched(place: &Place, live: &Value, change: impl Fn(&mut Value)) -> Result<tests::kubeconfig::Answer> {
    let mut changed = live.clone();
    change(&mut changed);
    let patch = json!([{"op": "replace", "path": "/spec/template", "value": changed["spec"]["template"]}]).to_string();
    place
        .kubectl(&["patch", "deployment", VOTER, "--type=json", "-p", &patch], "")
        .await
}

async fn kubectl(place: &Place, step: super::guarded::row::Step) -> Result<()> {
    let super::guarded::row::Step::Kubectl(arguments) = step else {
        return Ok(());
    };
    place.kubectl_ok(&arguments).await.map(drop)
}

#[tokio::test]
async fn no_other_container_gets_the_token() -> Result<()> {
    let place = place().await?;
    let live = voter(&place).await?;
    for (list, name) in [
        ("containers", "node"),
        ("containers", "exporter"),
        ("initContainers", "migrate"),
    ] {
        let answer = patched(&place, &live, |live| mount(live, list, name)).await?;
        let told = answer.stderr.contains(REFUSAL) && answer.stderr.contains(&format!("give container {name} of"));
        ensure!(!answer.succeeded && told, "{name}: {}{}", answer.stdout, answer.stderr);
    }
    let added = patched(&place, &live, |live| {
        let containers = live["spec"]["template"]["spec"]["containers"].as_array_mut();
        let stranger = json!({"name": "stranger", "image": "registry.example/a:1", "volumeMounts": [{"name": "signer-identity", "mountPath": "/x", "subPath": "token"}]});
        if let Some(containers) = containers {
            containers.push(stranger);
        }
    })
    .await?;
    ensure!(
        !added.succeeded && added.stderr.contains("container stranger"),
        "{}{}",
        added.stdout,
        added.stderr
    );
    let other = patched(&place, &live, |live| {
        let volumes = live["spec"]["template"]["spec"]["volumes"].as_array_mut();
        volumes
            .into_iter()
            .flatten()
            .for_each(|volume| volume["projected"]["sources"][0]["serviceAccountToken"]["audience"] = json!("another"));
    })
    .await?;
    ensure!(
        !other.succeeded && other.stderr.contains("it changes volume signer-identity"),
        "{}",
        other.stderr
    );
    // Everything else of the node may change.
    let image = patched(&place, &live, |live| {
        container(live, "containers", "node")["image"] = json!("registry.example/node:2");
    })
    .await?;
    ensure!(image.succeeded, "{}", image.stderr);
    Ok(())
}

#[tokio::test]
async fn a_token_that_came_in_while_nobody_looked_is_taken_out_before_pods_begin() -> Result<()> {
    let place = place().await?;
    voter(&place).await?;
    kubectl(&place, pause()).await?;
    let answer = patched(&place, &place.deployment().await?, |live| {
        mount(live, "containers", "node");
        mount(live, "initContainers", "migrate");
    })
    .await?;
    ensure!(
        answer.succeeded,
        "a paused Deployment starts nothing: {}",
        answer.stderr
    );
    is_alone(&place).await?;
    place.resume().await?;
    kubectl(&place, scale("--replicas=0")).await?;
    let asleep = patched(&place, &place.deployment().await?, |live| {
        mount(live, "containers", "node");
    })
    .await?;
    ensure!(
        !asleep.succeeded && asleep.stderr.contains(REFUSAL),
        "{}",
        asleep.stderr
    );
    let denied = place.operated.plane.denied(chart::OPERATOR, None)?;
    ensure!(denied.is_empty(), "{denied:?}");
    Ok(())
}

async fn is_alone(place: &Place) -> Result<()> {
    eventually(SOON, "a token that the signer alone has", async || {
        let live = place.deployment().await?;
        let spec = &live["spec"]["template"]["spec"];
        let mounts = |list: &str| spec[list].to_string().matches("\"name\":\"signer-identity\"").count();
        ensure!((mounts("containers"), mounts("initContainers")) == (0, 1), "{spec}");
        Ok(())
    })
    .await?;
    place.condition("Injected", "True", "Injected").await.map(drop)
}

/// A volume with a ServiceAccount token, in the template and in a container.
fn with_token(live: &mut Value, list: &str, name: &str, volume: &str, audience: &str) {
    let volumes = &mut live["spec"]["template"]["spec"]["volumes"];
    if let Some(volumes) = volumes.as_array_mut()
        && !volumes.iter().any(|each| each["name"] == volume)
    {
        let token = json!({"serviceAccountToken": {"audience": audience, "path": "token"}});
        volumes.push(json!({"name": volume, "projected": {"sources": [{"downwardAPI": {}}, token]}}));
    }
    let mounts = &mut container(live, list, name)["volumeMounts"];
    if !mounts.is_array() {
        *mounts = json!([]);
    }
    if let Some(mounts) = mounts.as_array_mut() {
        mounts.push(json!({"name": volume, "mountPath": format!("/{volume}")}));
    }
}

#[tokio::test]
async fn no_other_container_gets_a_token_that_is_as_good() -> Result<()> {
    const OWN: &str = "https://vault.example.com";
    let place = place().await?;
    let live = voter(&place).await?;
    let refused = |answer: &tests::kubeconfig::Answer, name: &str| {
        let says = format!(
            "give container {name} of Deployment {VOTER} a ServiceAccount token for the audience that the token of its signer has (volume copy)"
        );
        ensure!(
            !answer.succeeded && answer.stderr.contains(&says),
            "{name}: {}{}",
            answer.stdout,
            answer.stderr
        );
        ensure!(
            answer.stderr.contains("Give that token another audience"),
            "{}",
            answer.stderr
        );
        Ok(())
    };
    for (list, name) in [("containers", "node"), ("initContainers", "migrate")] {
        let answer = patched(&place, &live, |live| with_token(live, list, name, "copy", OWN)).await?;
        refused(&answer, name)?;
    }
    // A token for another audience is allowed as before, and so is a token that no container mounts.
    let other = patched(&place, &live, |live| {
        with_token(live, "containers", "node", "copy", "another");
        with_token(live, "containers", "exporter", "unused", OWN);
        container(live, "containers", "exporter")["volumeMounts"] = Value::Null;
    });
    let other = other.await?;
    ensure!(other.succeeded, "{}", other.stderr);
    let live = place.deployment().await?;
    let turned = patched(&place, &live, |live| {
        let volumes = live["spec"]["template"]["spec"]["volumes"].as_array_mut();
        let copy = volumes.into_iter().flatten().find(|volume| volume["name"] == "copy");
        if let Some(volume) = copy {
            volume["projected"]["sources"][1]["serviceAccountToken"]["audience"] = json!(OWN);
        }
    });
    refused(&turned.await?, "node")?;
    let denied = place.operated.plane.denied(chart::OPERATOR, None)?;
    ensure!(denied.is_empty(), "{denied:?}");
    Ok(())
}

#[tokio::test]
async fn a_token_that_was_there_before_the_signer_hinders_nothing() -> Result<()> {
    let place = place().await?;
    let mut manifest = plain();
    manifest["spec"]["template"]["spec"]["volumes"] = json!([]);
    with_token(&mut manifest, "containers", "node", "copy", "https://vault.example.com");
    place.apply(&manifest).await?;
    let key = json!({"vault": {
        "address": "https://vault.example.com", "key": "voter", "version": 1, "auth": {"kubernetes": {"role": "voter"}},
    }});
    place.apply(&with(binding(), "/spec/key", key)).await?;
    place.condition("Injected", "True", "Injected").await?;
    manifest["spec"]["template"]["spec"]["containers"][0]["image"] = json!("registry.example/node:2");
    place.apply(&manifest).await?;
    kubectl(&place, pause()).await?;
    kubectl(&place, scale("--replicas=0")).await?;
    place.resume().await?;
    // Another container did not have it before.
    let live = place.deployment().await?;
    let spread = patched(&place, &live, |live| {
        with_token(live, "containers", "exporter", "copy", "");
    })
    .await?;
    let told = spread.stderr.contains("give container exporter of");
    ensure!(!spread.succeeded && told, "{}{}", spread.stdout, spread.stderr);
    let freed = patched(&place, &live, |live| {
        container(live, "containers", "node")["volumeMounts"] = json!([]);
    });
    let freed = freed.await?;
    ensure!(freed.succeeded, "{}", freed.stderr);
    Ok(())
}

#[tokio::test]
async fn no_pod_starts_with_the_token_in_another_container() -> Result<()> {
    let place = place().await?;
    let live = voter(&place).await?;
    let pod = |change: &dyn Fn(&mut Value)| {
        let mut changed = live.clone();
        change(&mut changed);
        let template = &changed["spec"]["template"];
        let metadata = json!({"name": "by-hand", "annotations": template["metadata"]["annotations"]});
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}).to_string()
    };
    let create = ["create", "--dry-run=server", "-f", "-"];
    let whole = place.kubectl(&create, &pod(&|_| {})).await?;
    ensure!(whole.succeeded, "{}", whole.stderr);
    let stolen = place
        .kubectl(&create, &pod(&|live| mount(live, "containers", "node")))
        .await?;
    let told = stolen
        .stderr
        .contains("container node of this pod mounts a volume that only its signer may mount");
    ensure!(!stolen.succeeded && told, "{}{}", stolen.stdout, stolen.stderr);
    Ok(())
}

/// A paused voter whose token another container has. No other client writes to it meanwhile.
#[tokio::test]
async fn the_operator_may_take_the_token_from_another_container_and_not_give_it_one() -> Result<()> {
    let place = place().await?;
    let live = voter(&place).await?;
    place.kubectl_ok(&["delete", "signerbinding", VOTER]).await?;
    place.is_quiet().await?;
    kubectl(&place, pause()).await?;
    let operator = place
        .operated
        .plane
        .service_account(chart::NAMESPACE, chart::SERVICE_ACCOUNT)
        .await?;
    let tried = async |change: &dyn Fn(&mut Value)| {
        let mut changed = place.deployment().await?;
        change(&mut changed);
        let patch =
            json!([{"op": "replace", "path": "/spec/template", "value": changed["spec"]["template"]}]).to_string();
        let namespace = place.namespace.as_str();
        let arguments = [
            "--namespace",
            namespace,
            "patch",
            "deployment",
            VOTER,
            "--dry-run=server",
            "--type=json",
            "-p",
            &patch,
        ];
        operator.kubectl(&arguments).await
    };
    for (list, name, words) in [
        ("containers", "node", "container node"),
        ("initContainers", "migrate", "another init container than signer"),
    ] {
        let given = tried(&|live| mount(live, list, name)).await?;
        ensure!(
            !given.succeeded && given.stderr.contains(words),
            "{name}: {}{}",
            given.stdout,
            given.stderr
        );
    }
    let stolen = patched(&place, &live, |live| {
        mount(live, "containers", "node");
        mount(live, "initContainers", "migrate");
    })
    .await?;
    ensure!(stolen.succeeded, "{}", stolen.stderr);
    let free = |live: &mut Value| {
        container(live, "containers", "node")["volumeMounts"] = Value::Null;
        container(live, "initContainers", "migrate")["volumeMounts"] = Value::Null;
    };
    let taken = tried(&free).await?;
    ensure!(taken.succeeded, "{}", taken.stderr);
    // And all of the operator's fields with it.
    let removed = tried(&|live| {
        free(live);
        let spec = &mut live["spec"]["template"]["spec"];
        spec["volumes"] = Value::Null;
        let list = spec["initContainers"].as_array_mut();
        if let Some(list) = list {
            list.retain(|each| each["name"] != "signer");
        }
    })
    .await?;
    ensure!(removed.succeeded, "{}", removed.stderr);
    Ok(())
}
