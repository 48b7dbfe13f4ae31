use crds::names::HASH_ANNOTATION;
use k8s_openapi::api::admissionregistration::v1::{ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding};
use kube::api::ListParams;
use kube::{Api, Client};

use super::finding::{Finding, Verdict, unavailable};
use crate::cluster::deadline;
use crate::model::scope::Scope;

const ABOUT: &str = "guard";
const DANGER: &str =
    "an edit such as `kubectl rollout undo` can start a voter without its signer before the operator repairs it";

/// Whether edits that would start a voter without its signer are refused.
pub async fn examine(client: &Client, scope: &Scope) -> Finding {
    let all = ListParams::default();
    let policies: Api<ValidatingAdmissionPolicy> = Api::all(client.clone());
    let bindings: Api<ValidatingAdmissionPolicyBinding> = Api::all(client.clone());
    let policies = match deadline("list the admission policies", policies.list(&all)).await {
        Ok(policies) => policies.items,
        Err(error) if error.is_forbidden() && *scope != Scope::Cluster => {
            let text = "whether it is there takes a ClusterRole to see; `kubectl get validatingadmissionpolicies` shows it to whoever may";
            return Finding::new(Verdict::Warning, ABOUT, text);
        }
        Err(error) => return unavailable(ABOUT, &error),
    };
    let bindings = match deadline("list the bindings of admission policies", bindings.list(&all)).await {
        Ok(bindings) => bindings.items,
        Err(error) => return unavailable(ABOUT, &error),
    };
    let is_enforced = |policy: &ValidatingAdmissionPolicy| {
        bindings.iter().any(|binding| {
            let Some(spec) = &binding.spec else { return false };
            let denies = spec.validation_actions.iter().flatten().any(|action| action == "Deny");
            denies && spec.policy_name == policy.metadata.name
        })
    };
    let Some(policy) = policies.iter().find(|policy| guards(policy) && is_enforced(policy)) else {
        let text = format!("found no ValidatingAdmissionPolicy of the chart that refuses (guard.enabled): {DANGER}");
        return Finding::new(Verdict::Warning, ABOUT, text);
    };
    let name = policy.metadata.name.as_deref().unwrap_or_default();
    Finding::new(Verdict::Ok, ABOUT, format!("{name} is there and refuses"))
}

/// Whether it is about what the operator has injected. Names and labels are the release's, and people change them.
fn guards(policy: &ValidatingAdmissionPolicy) -> bool {
    let mut conditions = policy
        .spec
        .iter()
        .flat_map(|spec| spec.match_conditions.iter().flatten());
    conditions.any(|condition| condition.expression.contains(HASH_ANNOTATION))
}
