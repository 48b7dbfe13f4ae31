//! A policy refuses one kind of the operator's writes. The operator tries only a few times, logs one line, and reports
//! the reason where a person would look.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use crds::SignerBinding;
use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::apps::v1::Deployment;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::json;
use tests::operated::{Operated, Place, SOON, VOTER};
use tests::write::write;
use tests::{chart, eventually};
use tokio::sync::Mutex;

use crate::cases::{Case, Told, cases};

/// The policy's message.
pub const NO: &str = "the test does not want that";

/// How often the operator is woken after the first refusal.
const WAKES: usize = 30;

/// Each try may be two requests. The pauses between the first tries are short, and later there is one try a minute. An
/// operator without pauses would try each time it is woken.
fn most(since: Instant) -> usize {
    let minutes = since.elapsed().as_secs() / 60;
    2 * (8 + usize::try_from(minutes).unwrap_or(usize::MAX))
}

/// One after the other: on a busy computer, the tries of a minute could not be distinguished from tries at each
/// wake-up.
static ALONE: Mutex<()> = Mutex::const_new(());

#[tokio::test]
async fn a_write_that_is_forbidden_is_tried_less_and_less_often() -> Result<()> {
    every_kind_of_write("Forbidden", 403).await
}

#[tokio::test]
async fn a_write_that_is_invalid_is_tried_less_and_less_often() -> Result<()> {
    every_kind_of_write("Invalid", 422).await
}

async fn every_kind_of_write(reason: &str, code: u16) -> Result<()> {
    let _alone = ALONE.lock().await;
    let all = cases().into_iter().map(|case| async move {
        let name = case.name;
        refused(case, reason, code)
            .await
            .with_context(|| format!("{name}, {reason}"))
    });
    // With more at a time, an operator on two cores could not renew its Lease.
    let result = stream::iter(all).buffer_unordered(4).try_collect::<()>().await;
    if result.is_err() {
        let log = Operated::shared().await?.log();
        let lines: Vec<_> = log.lines().collect();
        eprintln!("{}", lines[lines.len().saturating_sub(40)..].join("\n"));
    }
    result
}

async fn refused(case: Case, reason: &str, code: u16) -> Result<()> {
    let place = Place::new(case.name).await?;
    case.before.take(&place).await?;
    refuse(&place, &case, reason).await?;
    let since = Instant::now();
    case.then.take(&place).await?;
    is_told(&place, &case).await?;
    for wake in 0..WAKES {
        wake_up(&place, wake).await?;
    }
    let requests = place.requests_of_operator()?;
    let refused: Vec<_> = requests
        .iter()
        .filter(|request| request.is_write() && request.code() == Some(code))
        .collect();
    let of_case = refused.iter().filter(|request| request.resource() == case.resource);
    ensure!(of_case.count() > 0, "nothing was refused: {requests:#?}");
    ensure!(
        refused.len() <= most(since),
        "{} writes were refused: {refused:#?}",
        refused.len()
    );
    is_logged_once(&place)
}

/// Applies the policy, and waits until it is in force.
async fn refuse(place: &Place, case: &Case, reason: &str) -> Result<()> {
    let Place { namespace, .. } = place;
    let (group, operations) = (case.group, case.operations);
    let policy = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy", "metadata": {"name": namespace},
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {"resourceRules": [
                {"apiGroups": [group], "apiVersions": ["*"], "operations": operations, "resources": [case.resource]},
                {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]},
            ]},
            "matchConditions": [{
                "name": "asked",
                "expression": format!("request.resource.resource == 'configmaps' || request.userInfo.username == '{}'", chart::OPERATOR),
            }],
            "validations": [{
                "expression": format!("request.resource.resource != 'configmaps' && ({})", case.allowed),
                "message": NO, "reason": reason,
            }],
        },
    });
    let binding = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding", "metadata": {"name": namespace},
        "spec": {
            "policyName": namespace, "validationActions": ["Deny"],
            "matchResources": {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}},
        },
    });
    place
        .apply(&json!({"apiVersion": "v1", "kind": "List", "items": [policy, binding]}))
        .await?;
    eventually(SOON, "the policy", async || {
        let probe = ["create", "configmap", "probe", "--dry-run=server"];
        let answer = place.kubectl(&probe, "").await?;
        ensure!(answer.stderr.contains(NO), "{}{}", answer.stdout, answer.stderr);
        Ok(())
    })
    .await
}

async fn is_told(place: &Place, case: &Case) -> Result<()> {
    if let Told::Status = case.told {
        eventually(SOON, "the reason in the status", async || {
            let status = serde_json::to_value(place.binding().await?.status)?;
            ensure!(status.to_string().contains(NO), "{status:#}");
            Ok(())
        })
        .await?;
    }
    if let Told::Status | Told::EventAlone = case.told {
        eventually(SOON, "the reason in an Event", async || {
            let events = [place.events("SignerBinding").await?, place.events("Deployment").await?].concat();
            ensure!(
                events
                    .iter()
                    .any(|(_, note)| note.contains(NO) || note.contains("refuses")),
                "{events:?}"
            );
            Ok(())
        })
        .await?;
    }
    Ok(())
}

/// Changes the Deployment, and waits until the operator has reconciled its binding.
async fn wake_up(place: &Place, number: usize) -> Result<()> {
    let looks = || -> Result<usize> {
        let requests = place.requests_of_operator()?;
        let of_bindings = requests
            .iter()
            .filter(|request| request.verb == "get" && request.resource() == "signerbindings");
        Ok(of_bindings.count())
    };
    let before = looks()?;
    let deployments: Api<Deployment> = Api::namespaced(place.client.clone(), &place.namespace);
    let touch = Patch::Merge(json!({"metadata": {"labels": {"touched": number.to_string()}}}));
    let plain = PatchParams::default();
    write(|| deployments.patch(VOTER, &plain, &touch)).await?;
    let bindings: Api<SignerBinding> = Api::namespaced(place.client.clone(), &place.namespace);
    eventually(SOON, "a look at the binding", async || {
        let is_gone = bindings.get_metadata_opt(VOTER).await?.is_none();
        ensure!(is_gone || looks()? > before, "none since the touch");
        Ok(())
    })
    .await
}

fn is_logged_once(place: &Place) -> Result<()> {
    let log = place.operated.log();
    let mut told: Vec<_> = log
        .lines()
        .filter(|line| line.contains("refuses a write"))
        .filter_map(|line| {
            line.split_once("namespace=")?
                .1
                .split_once(" code=")?
                .0
                .strip_prefix(&place.namespace)
        })
        .collect();
    let all = told.len();
    ensure!(all > 0, "nothing is logged of {}", place.namespace);
    told.sort_unstable();
    told.dedup();
    ensure!(told.len() == all, "logged more than once: {told:?}");
    Ok(())
}
