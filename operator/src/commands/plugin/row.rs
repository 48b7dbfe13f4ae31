//! The report about a binding. Its fields are a contract with scripts: see [`super::output::API_VERSION`].

use crds::conditions::{reasons, types};
use crds::{SignerBinding, SignerBindingStatus, TargetStatus, Warning};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt;
use serde::Serialize;

use super::bindings::Found;

/// One SignerBinding.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    pub namespace: String,
    pub name: String,
    /// `True`, `False` or `Unknown`.
    pub ready: String,
    pub reason: String,
    pub message: String,
    /// The status of the condition `Signing`.
    pub signing: String,
    /// Ready and wanted pods of the injected template.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pods: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The hash of the change that waits for an approval.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    pub conditions: Vec<Condition>,
    pub targets: Vec<TargetStatus>,
    pub warnings: Vec<Warning>,
    /// The next steps for a person, the most urgent first.
    pub next: Vec<String>,
}

impl Row {
    /// Summarises the operator's report about a binding.
    pub fn of(found: &Found) -> Self {
        let (namespace, name) = (found.namespace().unwrap_or_default(), found.name_any());
        match &found.0 {
            Ok(binding) => Self::of_readable(namespace, name, binding),
            Err(error) => {
                let message = format!("This version cannot read the SignerBinding: {}.", error.error);
                let next = format!("{message} Use the version of kubectl atto-signer that the cluster's operator has.");
                Self {
                    ready: "Unknown".to_owned(),
                    reason: "Unreadable".to_owned(),
                    message,
                    signing: "Unknown".to_owned(),
                    next: vec![next],
                    ..Self::empty(namespace, name)
                }
            }
        }
    }

    fn of_readable(namespace: String, name: String, binding: &SignerBinding) -> Self {
        let nothing = SignerBindingStatus::default();
        let status = binding.status.as_ref().unwrap_or(&nothing);
        let is_current = status.observed_generation == binding.metadata.generation;
        let text = |type_: &str| condition(status, type_).map_or("Unknown", |found| found.status.as_str());
        let (ready, reason, message) = match condition(status, types::READY) {
            Some(found) if is_current => (found.status.as_str(), found.reason.as_str(), found.message.as_str()),
            Some(_) => (
                "Unknown",
                "NotObserved",
                "The operator has not yet reported on the current spec.",
            ),
            None => (
                "Unknown",
                "NotObserved",
                "No operator has reported on this SignerBinding.",
            ),
        };
        let row = Self {
            ready: ready.to_owned(),
            reason: reason.to_owned(),
            message: message.to_owned(),
            signing: text(types::SIGNING).to_owned(),
            pods: status.pods.clone(),
            address: status.address.clone(),
            key: status.effective.as_ref().and_then(|effective| effective.key.clone()),
            plan: status.plan.as_ref().map(|plan| plan.hash.clone()),
            conditions: status.conditions.clone(),
            targets: status.targets.clone(),
            warnings: status.warnings.clone(),
            ..Self::empty(namespace, name)
        };
        Self {
            next: steps(&row),
            ..row
        }
    }

    fn empty(namespace: String, name: String) -> Self {
        Self {
            namespace,
            name,
            ready: String::new(),
            reason: String::new(),
            message: String::new(),
            signing: String::new(),
            pods: None,
            address: None,
            key: None,
            plan: None,
            conditions: vec![],
            targets: vec![],
            warnings: vec![],
            next: vec![],
        }
    }

    /// Whether the binding is ready in its present generation.
    pub fn is_ready(&self) -> bool {
        self.ready == "True"
    }
}

fn condition<'a>(status: &'a SignerBindingStatus, type_: &str) -> Option<&'a Condition> {
    status.conditions.iter().find(|condition| condition.type_ == type_)
}

/// The next steps for a person, the most urgent first. Empty if nothing needs to be done.
fn steps(row: &Row) -> Vec<String> {
    let Row { namespace, name, .. } = row;
    let mut steps = vec![];
    if row.reason == "NotObserved" {
        steps.push(
            "Wait a moment. If this persists, no operator serves the namespace: run kubectl atto-signer check."
                .to_owned(),
        );
    } else if let Some(failed) = first_that_fails(row)
        && !(row.plan.is_some() && failed.reason == reasons::APPROVAL_PENDING)
    {
        steps.push(format!("{} ({}): {}", failed.type_, failed.reason, failed.message));
    }
    if row.plan.is_some() {
        steps.push(format!(
            "A change waits for an approval: kubectl atto-signer plan {name} --namespace {namespace}"
        ));
    }
    for warning in &row.warnings {
        steps.push(format!("{}: {}", warning.reason, warning.message));
    }
    steps
}

/// The first of `Ready`'s conditions that is not true names the problem.
fn first_that_fails(row: &Row) -> Option<&Condition> {
    let mut steps = types::STEPS.iter().filter(|type_| **type_ != types::READY);
    steps.find_map(|type_| {
        let found = row.conditions.iter().find(|condition| condition.type_ == *type_)?;
        (found.status == "False").then_some(found)
    })
}
