//! The chart's guard refuses, at a real API server, every edit that would start an injected voter without its signer,
//! and lets every other edit through.

mod guarded;
mod installed;

use guarded::{Voter, container, manifest, node};
use serde_json::{Value, json};
use tests::Kubeconfig;

const BACKEND: &str = "variable ATTO_SIGNER_BACKEND";
const URL: &str = "variable ATTO_SIGNER_REMOTE_URL";
const TOKEN: &str = "variable ATTO_SIGNER_REMOTE_TOKEN";
const SIGNER: &str = "container signer";
const HASH: &str = "annotation signer.atto.cash/hash";

/// The user's manifest before the operator came.
fn plain() -> Value {
    manifest(&json!({"containers": [node(&json!([{"name": "ATTO_DB_HOST", "value": "mysql"}]))]}))
}

/// A manifest that carries our variables itself, as Atto's documentation writes them, less those named.
fn documented(without: &[&str]) -> Value {
    let mut env = guarded::variables();
    env.retain(|variable| !without.iter().any(|name| variable["name"] == *name));
    manifest(&json!({"containers": [node(&Value::Array(env))]}))
}

#[tokio::test]
async fn undoing_the_rollout_to_before_the_injection_is_refused() {
    let voter = Voter::injected("undo", &plain()).await.unwrap();
    voter.has_revision("2").await.unwrap();
    let answer = voter
        .kubectl(&["rollout", "undo", "deployment/atto-voter"], None)
        .await
        .unwrap();
    Voter::refused(&answer, &[SIGNER, BACKEND, URL, TOKEN, HASH]);
    let advice = "Keep what the signer operator has injected: change the live object with kubectl apply, set image or \
                  patch instead of replace or rollout undo, and leave the ATTO_SIGNER_* variables where your manifest has \
                  them. To take the signer away, delete the SignerBinding with spec.deletionPolicy Remove. To change it \
                  all the same, pause first: kubectl rollout pause deployment/atto-voter --namespace ";
    assert!(answer.stderr.contains(advice), "{}", answer.stderr);
    assert!(answer.stderr.contains(&voter.namespace), "{}", answer.stderr);
}

#[tokio::test]
async fn replacing_it_with_a_manifest_without_the_sidecar_is_refused() {
    let voter = Voter::injected("replace", &plain()).await.unwrap();
    let answer = voter.kubectl(&["replace", "-f", "-"], Some(&plain())).await.unwrap();
    Voter::refused(&answer, &[SIGNER, BACKEND, URL, TOKEN, HASH]);

    // Even where the manifest carries the variables.
    let answer = voter
        .kubectl(&["replace", "-f", "-"], Some(&documented(&[])))
        .await
        .unwrap();
    Voter::refused(&answer, &[SIGNER, HASH]);
}

#[tokio::test]
async fn dropping_the_env_key_from_the_manifest_is_refused() {
    let voter = Voter::injected("env", &plain()).await.unwrap();
    let without = manifest(&json!({"containers": [container("node")]}));
    let answer = voter.apply(&without).await.unwrap();
    Voter::refused(&answer, &[BACKEND, URL, TOKEN]);
}

#[tokio::test]
async fn dropping_the_init_containers_key_from_the_manifest_is_refused() {
    let with = manifest(&json!({"initContainers": [container("migrate")], "containers": [container("node")]}));
    let voter = Voter::injected("init", &with).await.unwrap();
    let without = manifest(&json!({"containers": [container("node")]}));
    let answer = voter.apply(&without).await.unwrap();
    Voter::refused(&answer, &[SIGNER]);
}

#[tokio::test]
async fn renaming_the_container_without_its_variables_is_refused() {
    let voter = Voter::injected("rename", &plain()).await.unwrap();
    let renamed = manifest(&json!({"containers": [container("voter")]}));
    let answer = voter.apply(&renamed).await.unwrap();
    Voter::refused(&answer, &[BACKEND, URL, TOKEN]);
}

#[tokio::test]
async fn tidying_away_a_variable_that_the_manifest_had_is_refused() {
    for (prefix, name, lost) in [
        ("tidy-backend", "ATTO_SIGNER_BACKEND", BACKEND),
        ("tidy-url", "ATTO_SIGNER_REMOTE_URL", URL),
        ("tidy-token", "ATTO_SIGNER_REMOTE_TOKEN", TOKEN),
    ] {
        let voter = Voter::injected(prefix, &documented(&[])).await.unwrap();
        let answer = voter.apply(&documented(&[name])).await.unwrap();
        Voter::refused(&answer, &[lost]);
    }
}

#[tokio::test]
async fn removing_the_annotation_is_refused() {
    let voter = Voter::injected("annotation", &plain()).await.unwrap();
    let patch = r#"[{"op": "remove", "path": "/spec/template/metadata/annotations"}]"#;
    let answer = voter
        .kubectl(
            &["patch", "deployment/atto-voter", "--type=json", "--patch", patch],
            None,
        )
        .await
        .unwrap();
    Voter::refused(&answer, &[HASH]);
}

#[tokio::test]
async fn a_signer_in_another_place_still_counts_as_one() {
    let voter = Voter::injected("moved", &documented(&[])).await.unwrap();
    let moved = |live: &mut Value| {
        let pod = &mut live["spec"]["template"]["spec"];
        pod["containers"].as_array_mut().unwrap().push(container("signer"));
        pod.as_object_mut().unwrap().remove("initContainers");
    };
    voter.allowed_edit(moved).await.unwrap();
}

#[tokio::test]
async fn everyday_edits_are_let_through() {
    let voter = Voter::injected("everyday", &plain()).await.unwrap();
    let before = voter.live().await.unwrap();
    voter.allowed(&["apply", "-f", "-"], Some(&plain())).await.unwrap();
    assert_eq!(
        voter.live().await.unwrap()["spec"],
        before["spec"],
        "the unchanged manifest changed something"
    );

    voter
        .allowed(&["scale", "deployment/atto-voter", "--replicas=0"], None)
        .await
        .unwrap();
    voter
        .allowed(&["rollout", "restart", "deployment/atto-voter"], None)
        .await
        .unwrap();
    voter
        .allowed(
            &["set", "image", "deployment/atto-voter", "node=example.invalid/node:2"],
            None,
        )
        .await
        .unwrap();
    voter
        .allowed(&["set", "env", "deployment/atto-voter", "LOG=debug"], None)
        .await
        .unwrap();
    voter
        .allowed(&["annotate", "deployment/atto-voter", "note=1"], None)
        .await
        .unwrap();
    voter.is_still_injected().await.unwrap();
    voter
        .allowed(&["delete", "deployment/atto-voter", "--wait=false"], None)
        .await
        .unwrap();
}

#[tokio::test]
async fn server_side_apply_of_the_users_manifest_is_let_through() {
    let voter = Voter::injected("ssa", &documented(&[])).await.unwrap();
    voter
        .allowed(&["apply", "--server-side", "-f", "-"], Some(&documented(&[])))
        .await
        .unwrap();
    voter.is_still_injected().await.unwrap();
}

async fn resumed_and_updated(voter: &Voter) -> anyhow::Result<()> {
    let deployment = "deployment/atto-voter";
    for command in [
        &["rollout", "resume", deployment][..],
        &["set", "image", deployment, "node=example.invalid/node:2"],
    ] {
        voter.allowed(command, None).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_paused_deployment_may_be_changed_in_any_way_and_resumed() {
    let voter = Voter::injected("paused", &plain()).await.unwrap();
    voter
        .allowed(&["rollout", "pause", "deployment/atto-voter"], None)
        .await
        .unwrap();
    let mut stripped = plain();
    stripped["spec"]["paused"] = json!(true);
    voter.allowed(&["replace", "-f", "-"], Some(&stripped)).await.unwrap();

    // Nothing of ours is left to lose.
    resumed_and_updated(&voter).await.unwrap();
}

#[tokio::test]
async fn pausing_and_stripping_in_one_edit_is_let_through() {
    let voter = Voter::injected("pausing", &plain()).await.unwrap();
    let mut stripped = plain();
    stripped["spec"]["paused"] = json!(true);
    voter.allowed(&["replace", "-f", "-"], Some(&stripped)).await.unwrap();
}

#[tokio::test]
async fn what_was_already_lost_is_not_held_against_the_next_edit() {
    let voter = Voter::injected("partly", &documented(&[])).await.unwrap();
    let partly = |live: &mut Value| {
        live["spec"]["paused"] = json!(true);
        let pod = live["spec"]["template"]["spec"].as_object_mut().unwrap();
        pod.remove("initContainers");
    };
    voter.allowed_edit(partly).await.unwrap();
    resumed_and_updated(&voter).await.unwrap();

    // What is left is still guarded.
    let answer = voter
        .kubectl(
            &["set", "env", "deployment/atto-voter", "ATTO_SIGNER_REMOTE_URL-"],
            None,
        )
        .await
        .unwrap();
    Voter::refused(&answer, &[URL]);
}

#[tokio::test]
async fn a_deployment_that_is_being_deleted_may_be_changed_in_any_way() {
    let voter = Voter::injected("deleted", &plain()).await.unwrap();
    let finalizer = r#"{"metadata": {"finalizers": ["example.invalid/held"]}}"#;
    let patch = ["patch", "deployment/atto-voter", "--type=merge", "--patch"];
    voter.allowed(&[&patch[..], &[finalizer]].concat(), None).await.unwrap();
    voter
        .allowed(&["delete", "deployment/atto-voter", "--wait=false"], None)
        .await
        .unwrap();
    let strip = r#"{"spec": {"template": {"spec": {"initContainers": null}}}}"#;
    voter.allowed(&[&patch[..], &[strip]].concat(), None).await.unwrap();
    voter
        .allowed(&[&patch[..], &[r#"{"metadata": {"finalizers": null}}"#]].concat(), None)
        .await
        .unwrap();
}

#[tokio::test]
async fn the_operator_itself_may_take_the_signer_away() {
    let voter = Voter::injected("operator", &plain()).await.unwrap();
    voter.give_up().await.unwrap();
    let live = voter.live().await.unwrap();
    assert_eq!(live["spec"]["template"]["spec"].get("initContainers"), None, "{live:#}");
}

#[tokio::test]
async fn a_voter_that_was_never_injected_is_nobodys_business() {
    let hand_written =
        manifest(&json!({"containers": [node(&Value::Array(guarded::variables())), container("signer")]}));
    let voter = Voter::plain("foreign", &hand_written).await.unwrap();
    voter.allowed(&["replace", "-f", "-"], Some(&plain())).await.unwrap();
}

#[tokio::test]
async fn another_service_account_of_the_operators_name_is_not_exempt() {
    let voter = Voter::injected("impostor", &plain()).await.unwrap();
    let namespace = voter.namespace.as_str();
    voter
        .allowed(&["create", "serviceaccount", "signer-operator"], None)
        .await
        .unwrap();
    let subject = format!("--serviceaccount={namespace}:signer-operator");
    voter
        .allowed(
            &["create", "rolebinding", "impostor", "--clusterrole=admin", &subject],
            None,
        )
        .await
        .unwrap();
    let impostor: Kubeconfig = voter.service_account("signer-operator").await.unwrap();
    let answer = voter
        .kubectl_as(&impostor, &["replace", "-f", "-"], Some(&plain()))
        .await
        .unwrap();
    Voter::refused(&answer, &[SIGNER, BACKEND, URL, TOKEN, HASH]);
}
