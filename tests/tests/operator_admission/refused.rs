//! If a pod with the signer would be refused, a running voter is not changed, and the status has the remedy. Once the
//! pod would be accepted, the signer is injected.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use tests::operated::{Place, SOON, binding, with};
use tests::{eventually, operator_process};

use super::support::{is_injected_and_rolled_out, is_left_alone, quota, recreating, runs, says};

fn with_signer(signer: Value) -> Value {
    with(binding(), "/spec/signer", signer)
}

#[tokio::test]
async fn a_quota_that_wants_a_limit_of_each_container_names_the_field() -> Result<()> {
    let place = Place::new("must-specify").await?;
    let mut manifest = recreating();
    for index in 0..2 {
        manifest["spec"]["template"]["spec"]["containers"][index]["resources"]["limits"] = json!({"cpu": "1"});
    }
    quota(&place, &json!({"limits.cpu": "4"})).await?;
    let before = runs(&place, &manifest).await?;
    place.apply(&binding()).await?;
    let message = is_left_alone(&place, &before).await?;
    says(
        &message,
        &[
            "Deployment voter",
            "must specify limits.cpu",
            "signer",
            "spec.signer.resources of the SignerBinding",
        ],
    );
    place.told_once("PodRejected").await?;
    let arguments = ["explain", "--namespace", &place.namespace, "deployment/voter"];
    let (_, explained) = operator_process::command(place.operated.plane.admin(), &arguments).await?;
    says(
        &explained,
        &["the API server has refused a pod of it", "must specify limits.cpu"],
    );
    place
        .apply(&with_signer(json!({"resources": {"limits": {"cpu": "500m"}}})))
        .await?;
    is_injected_and_rolled_out(&place).await
}

#[tokio::test]
async fn a_quota_is_measured_as_it_stands_once_the_old_pod_is_gone() -> Result<()> {
    let place = Place::new("quota").await?;
    // The voter's own limits without its signer, which requests 128Mi.
    quota(&place, &json!({"limits.memory": "1088Mi", "pods": "1"})).await?;
    let before = runs(&place, &recreating()).await?;
    place.apply(&binding()).await?;
    let message = is_left_alone(&place, &before).await?;
    says(
        &message,
        &["exceeded quota: small", "limits.memory=1216Mi", "ResourceQuota"],
    );
    // No room for a second pod, but enough for a replacement of the first.
    quota(&place, &json!({"limits.memory": "1216Mi", "pods": "1"})).await?;
    is_injected_and_rolled_out(&place).await
}

#[tokio::test]
async fn a_rollout_that_has_both_pods_at_a_time_needs_room_for_both() -> Result<()> {
    let place = Place::new("surge").await?;
    quota(&place, &json!({"pods": "1"})).await?;
    let surging = with(recreating(), "/spec/strategy", json!({"type": "RollingUpdate"}));
    let before = runs(&place, &surging).await?;
    place.apply(&binding()).await?;
    let message = is_left_alone(&place, &before).await?;
    says(
        &message,
        &["exceeded quota", "also refuses a pod of the current template"],
    );
    place.apply(&recreating()).await?;
    is_injected_and_rolled_out(&place).await
}

#[tokio::test]
async fn a_limit_range_that_the_signer_does_not_fit_is_told() -> Result<()> {
    let place = Place::new("limits").await?;
    let before = runs(&place, &recreating()).await?;
    let limits = |hard: &Value| {
        json!({
            "apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "small"},
            "spec": {"limits": [{"type": "Container", "max": hard}]},
        })
    };
    place.apply(&limits(&json!({"memory": "100Mi"}))).await?;
    place.apply(&binding()).await?;
    let message = is_left_alone(&place, &before).await?;
    says(&message, &["maximum memory usage per Container is 100Mi", "LimitRange"]);
    place.apply(&limits(&json!({"memory": "2Gi"}))).await?;
    is_injected_and_rolled_out(&place).await
}

#[tokio::test]
async fn pod_security_that_came_after_the_pod_keeps_it() -> Result<()> {
    let place = Place::new("security").await?;
    let before = runs(&place, &recreating()).await?;
    let admin = place.operated.plane.admin();
    let enforce = |level: &str| format!("pod-security.kubernetes.io/enforce={level}");
    let label = async |level: &str| {
        let label = enforce(level);
        admin
            .kubectl_ok(&["label", "--overwrite", "namespace", &place.namespace, &label])
            .await
    };
    label("restricted").await?;
    place.apply(&binding()).await?;
    let message = is_left_alone(&place, &before).await?;
    says(
        &message,
        &[
            "violates PodSecurity",
            "node",
            "also refuses a pod of the current template",
            "manifest",
        ],
    );
    label("baseline").await?;
    is_injected_and_rolled_out(&place).await
}

/// A range of user IDs, as OpenShift gives each namespace one: a container must name an ID in it, or none.
async fn range_of_users(place: &Place) -> Result<()> {
    let name = format!("users-{}", place.namespace);
    let containers = "(object.spec.containers + object.spec.?initContainers.orValue([]))";
    let user = "c.?securityContext.?runAsUser.orValue(1000680000)";
    let policy = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy", "metadata": {"name": name},
        "spec": {
            "matchConstraints": {"resourceRules": [
                {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]},
            ]},
            "validations": [{
                "expression": format!("{containers}.all(c, {user} >= 1000680000)"),
                "message": "runAsUser: Invalid value: must be in the ranges: [1000680000, 1000689999]",
            }],
        },
    });
    let bound = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding", "metadata": {"name": name},
        "spec": {
            "policyName": name, "validationActions": ["Deny"],
            "matchResources": {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": place.namespace}}},
        },
    });
    place.apply(&policy).await?;
    place.apply(&bound).await?;
    // The API server applies a policy a moment later.
    let probe = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "probe"},
        "spec": {"containers": [{"name": "c", "image": "i", "securityContext": {"runAsUser": 1}}]},
    });
    eventually(SOON, "the policy in force", async || {
        let answer = place
            .kubectl(&["create", "--dry-run=server", "-f", "-"], &probe.to_string())
            .await?;
        ensure!(
            answer.stderr.contains("must be in the ranges"),
            "{}{}",
            answer.stdout,
            answer.stderr
        );
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_platform_that_chooses_users_is_left_to_choose_that_of_the_signer() -> Result<()> {
    let place = Place::new("users").await?;
    let before = runs(&place, &recreating()).await?;
    range_of_users(&place).await?;
    place.apply(&binding()).await?;
    let message = is_left_alone(&place, &before).await?;
    says(&message, &["must be in the ranges", "spec.signer.securityContext: {}"]);
    place.apply(&with_signer(json!({"securityContext": {}}))).await?;
    is_injected_and_rolled_out(&place).await?;
    let signer = place.deployment().await?["spec"]["template"]["spec"]["initContainers"][0].clone();
    let context = &signer["securityContext"];
    assert!(
        context["runAsUser"].is_null() && context["runAsGroup"].is_null(),
        "{context}"
    );
    assert_eq!(context["runAsNonRoot"], true);

    // A change of an injected signer is treated the same: the signer does not change until the change fits.
    let before = place.deployment().await?;
    place
        .apply(&with_signer(json!({"securityContext": {"runAsUser": 1000}})))
        .await?;
    is_left_alone(&place, &before).await?;
    place
        .apply(&with_signer(
            json!({"securityContext": {"runAsUser": 1_000_680_001, "runAsGroup": 1}}),
        ))
        .await?;
    is_injected_and_rolled_out(&place).await
}

/// A webhook for pods with no server.
fn webhook(place: &Place) -> Value {
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": format!("away-{}", place.namespace)},
        "webhooks": [{
            "name": "away.tests.example", "admissionReviewVersions": ["v1"], "sideEffects": "None", "failurePolicy": "Fail",
            "clientConfig": {"url": "https://127.0.0.1:1/"},
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": place.namespace}},
            "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}],
        }],
    })
}

#[tokio::test]
async fn a_webhook_that_does_not_answer_is_waited_for_and_told() -> Result<()> {
    let place = Place::new("webhook").await?;
    let before = runs(&place, &recreating()).await?;
    place.apply(&webhook(&place)).await?;
    eventually(SOON, "the webhook in force", async || {
        let probe = json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "probe"}, "spec": {"containers": [{"name": "c", "image": "i"}]},
        });
        let answer = place
            .kubectl(&["create", "--dry-run=server", "-f", "-"], &probe.to_string())
            .await?;
        ensure!(answer.stderr.contains("away.tests.example"), "{}", answer.stderr);
        Ok(())
    })
    .await?;
    place.apply(&binding()).await?;
    let message = place.condition("Injected", "False", "Progressing").await?;
    says(
        &message,
        &["Deployment voter", "The operator tries again", "away.tests.example"],
    );
    assert_eq!(place.deployment().await?["spec"], before["spec"]);
    let name = format!("away-{}", place.namespace);
    place
        .kubectl_ok(&["delete", "validatingwebhookconfiguration", &name])
        .await?;
    is_injected_and_rolled_out(&place).await
}
