//! Users and objects that the guard does not check, and unusual objects that it must accept.

use anyhow::{Result, ensure};
use k8s_openapi::api::apps::v1::Deployment;
use kube::Api;
use kube::api::{DynamicObject, Patch, PatchParams};
use kube::discovery::ApiResource;
use serde_json::{Value, json};
use tests::operated::{Place, VOTER, with};
use tests::write::write;
use tests::{Kubeconfig, chart};

use super::guarded::row::{container, injected};
use super::guarded::{EXEMPT, documented, place, plain, whole};

/// Runs kubectl in the namespace of the place as another user.
async fn kubectl_as(
    place: &Place,
    who: &Kubeconfig,
    arguments: &[&str],
    input: &Value,
) -> Result<tests::kubeconfig::Answer> {
    let arguments = [&["--namespace", &place.namespace][..], arguments].concat();
    who.kubectl_in(std::path::Path::new("."), &arguments, &input.to_string())
        .await
}

/// A ServiceAccount that may edit the place.
async fn editor(place: &Place, namespace: &str, name: &str) -> Result<Kubeconfig> {
    let subject = format!("--serviceaccount={namespace}:{name}");
    place
        .kubectl_ok(&["create", "rolebinding", name, "--clusterrole=admin", &subject])
        .await?;
    place.operated.plane.service_account(namespace, name).await
}

#[tokio::test]
async fn another_service_account_of_the_operators_name_is_not_exempt() -> Result<()> {
    let place = place().await?;
    injected(&place, plain()).await?;
    place
        .kubectl_ok(&["create", "serviceaccount", chart::SERVICE_ACCOUNT])
        .await?;
    let impostor = editor(&place, &place.namespace, chart::SERVICE_ACCOUNT).await?;
    let answer = kubectl_as(&place, &impostor, &["replace", "-f", "-"], &plain()).await?;
    assert!(
        answer.stderr.contains("without its signer"),
        "{}{}",
        answer.stdout,
        answer.stderr
    );
    Ok(())
}

#[tokio::test]
async fn a_service_account_that_the_values_name_is_exempt() -> Result<()> {
    let place = place().await?;
    injected(&place, plain()).await?;
    let admin = place.operated.plane.admin();
    let (namespace, name) = EXEMPT;
    admin.kubectl_ok(&["create", "namespace", namespace]).await?;
    admin
        .kubectl_ok(&["--namespace", namespace, "create", "serviceaccount", name])
        .await?;
    let exempt = editor(&place, namespace, name).await?;
    let dry_run = ["replace", "--dry-run=server", "-f", "-"];
    let answer = kubectl_as(&place, &exempt, &dry_run, &plain()).await?;
    ensure!(answer.succeeded, "{}", answer.stderr);
    Ok(())
}

#[tokio::test]
async fn a_voter_that_was_never_injected_is_nobodys_business() -> Result<()> {
    let place = place().await?;
    let mut hand_written = documented();
    if let Some(containers) = hand_written["spec"]["template"]["spec"]["containers"].as_array_mut() {
        containers.push(json!({"name": "signer", "image": "registry.example/signer:1"}));
    }
    place.apply(&hand_written).await?;
    place.replace(async || Ok(plain())).await?;
    place.kubectl_ok(&["rollout", "pause", "deployment", VOTER]).await?;
    place
        .kubectl_ok(&["rollout", "resume", "deployment", VOTER])
        .await
        .map(drop)
}

#[tokio::test]
async fn what_was_already_lost_is_not_held_against_the_next_edit() -> Result<()> {
    let place = place().await?;
    // Like a voter whose node got another signer's address before the guard was installed.
    let mut partly = injected(&place, plain()).await?;
    place.kubectl_ok(&["delete", "signerbinding", VOTER]).await?;
    container(&mut partly, "containers", "node")["env"] = json!([]);
    partly["metadata"] = json!({"name": "partly"});
    partly["spec"]["selector"] = json!({"matchLabels": {"app": "partly"}});
    partly["spec"]["template"]["metadata"]["labels"]["app"] = json!("partly");
    place.apply(&partly).await?;
    place
        .kubectl_ok(&["set", "image", "deployment/partly", "node=registry.example/node:2"])
        .await?;

    // The remaining fields are still guarded.
    let image = ["set", "image", "deployment/partly", "signer=registry.example/signer:2"];
    let answer = place.kubectl(&image, "").await?;
    assert!(
        answer.stderr.contains("it changes image of init container signer"),
        "{}{}",
        answer.stdout,
        answer.stderr
    );
    Ok(())
}

#[tokio::test]
async fn a_deployment_that_is_being_deleted_may_be_changed_in_any_way() -> Result<()> {
    let place = place().await?;
    injected(&place, plain()).await?;
    place.kubectl_ok(&["delete", "signerbinding", VOTER]).await?;
    let patch = ["patch", "deployment", VOTER, "--type=merge", "--patch"];
    let finalizer = r#"{"metadata": {"finalizers": ["example.invalid/held"]}}"#;
    place.kubectl_ok(&[&patch[..], &[finalizer]].concat()).await?;
    place
        .kubectl_ok(&["delete", "deployment", VOTER, "--wait=false"])
        .await?;
    let strip = r#"{"spec": {"template": {"spec": {"initContainers": null}}}}"#;
    place.kubectl_ok(&[&patch[..], &[strip]].concat()).await?;
    let finalizers = r#"{"metadata": {"finalizers": null}}"#;
    place.kubectl_ok(&[&patch[..], &[finalizers]].concat()).await.map(drop)
}

/// CEL limits the cost of a policy. A policy that exceeds the limit refuses the request.
#[tokio::test]
async fn a_very_large_deployment_is_within_what_cel_may_cost() -> Result<()> {
    let place = place().await?;
    injected(&place, plain()).await?;
    let kind = ApiResource::erase::<Deployment>(&());
    let deployments: Api<DynamicObject> = Api::namespaced_with(place.client.clone(), &place.namespace, &kind);
    // As many as etcd accepts, and then as many as the API server accepts.
    let grown = |helpers: usize| {
        let variables = (0..100).map(|number| json!({"name": format!("V{number}"), "value": "x"}));
        let env: Vec<_> = variables.chain(whole::variables()).collect();
        let helpers = (0..helpers).map(|number| json!({"name": format!("h{number}"), "image": "h:1", "env": env}));
        Patch::Strategic(json!({"spec": {"template": {"spec": {"containers": helpers.collect::<Vec<_>>()}}}}))
    };
    let mut parameters = PatchParams::default();
    let (stored, tried) = (grown(75), grown(200));
    write(|| deployments.patch(VOTER, &parameters, &stored)).await?;
    parameters.dry_run = true;
    write(|| deployments.patch(VOTER, &parameters, &tried)).await?;
    let local = [
        "set",
        "env",
        "deployment/voter",
        "--containers=h74",
        "ATTO_SIGNER_BACKEND=LOCAL",
    ];
    let answer = place.kubectl(&local, "").await?;
    let words = "container h74: ATTO_SIGNER_BACKEND is not REMOTE";
    assert!(answer.stderr.contains(words), "{}{}", answer.stdout, answer.stderr);

    // The operator's writes have a policy of their own.
    let binding = with(tests::operated::binding(), "/spec/signer", json!({"logLevel": "debug"}));
    place.apply(&binding).await?;
    place.condition("Injected", "True", "Injected").await?;
    let deployment = place.deployment().await?;
    let signer = whole::signer(&deployment["spec"]["template"]).map(ToString::to_string);
    ensure!(
        signer.is_some_and(|signer| signer.contains("ATTO_SIGNER_LOG")),
        "not injected"
    );
    Ok(())
}

#[tokio::test]
async fn a_deployment_with_next_to_nothing_in_it_is_understood() -> Result<()> {
    let place = place().await?;
    // No annotations, no labels except the selector's, and no variables.
    let mut bare = with(plain(), "/metadata", json!({"name": VOTER}));
    let node = container(&mut bare, "containers", "node").as_object_mut();
    if let Some(node) = node {
        node.remove("env");
    }
    injected(&place, bare.clone()).await?;
    place.apply(&bare).await?;
    let answer = place.kubectl(&["replace", "-f", "-"], &bare.to_string()).await?;
    assert!(
        answer.stderr.contains("without its signer"),
        "{}{}",
        answer.stdout,
        answer.stderr
    );
    Ok(())
}
