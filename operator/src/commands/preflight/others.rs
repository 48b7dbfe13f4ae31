use crds::names::HASH_ANNOTATION;
use k8s_openapi::api::admissionregistration::v1::ValidatingAdmissionPolicy;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt};

use super::finding::{Finding, Verdict, unavailable};
use crate::cluster::deadline;
use crate::leader::LEASE;
use crate::model::error::Error;
use crate::model::scope::Scope;

const ABOUT: &str = "others";
const REMEDY: &str =
    "keep one of them: uninstall the other, or let each watch namespaces of its own (watchNamespaces of the chart)";

/// A leader renews its Lease every few seconds. Clocks of machines differ by less.
const ALIVE: SignedDuration = SignedDuration::from_mins(1);

/// Whether another operator is at work, or its guard, which would refuse what this one writes. Operators with Leases in two namespaces
/// do not know of each other.
pub async fn examine(client: &Client, scope: &Scope, lease_namespace: &str) -> Finding {
    match found(client, scope, lease_namespace).await {
        Ok(None) => Finding::new(Verdict::Ok, ABOUT, "no other operator is at work"),
        Ok(Some((verdict, text))) => Finding::new(verdict, ABOUT, text),
        Err(error) if error.is_forbidden() => {
            let text = format!(
                "whether another operator is at work takes a ClusterRole to see; `kubectl get leases --all-namespaces --field-selector metadata.name={LEASE}` shows it to whoever may"
            );
            Finding::new(Verdict::Warning, ABOUT, text)
        }
        Err(error) => unavailable(ABOUT, &error),
    }
}

async fn found(client: &Client, scope: &Scope, lease_namespace: &str) -> Result<Option<(Verdict, String)>, Error> {
    let leases: Api<Lease> = Api::all(client.clone());
    let named = ListParams::default().fields(&format!("metadata.name={LEASE}"));
    let leases = deadline("list the Leases", leases.list(&named)).await?;
    let mut others = leases
        .iter()
        .filter(|lease| lease.namespace().as_deref() != Some(lease_namespace));
    if let Some(other) = others.find_map(|lease| holder(lease, Timestamp::now()).map(|holder| (lease, holder))) {
        let (lease, holder) = other;
        // Each may have namespaces of its own.
        let verdict = match scope {
            Scope::Cluster => Verdict::Unfit,
            Scope::Namespaces { .. } => Verdict::Warning,
        };
        let text = format!(
            "found another operator at work, {holder}, with its Lease {LEASE} in namespace {}; a binding that both look at is served by one of them and says Contested; {REMEDY}",
            lease.namespace().unwrap_or_default()
        );
        return Ok(Some((verdict, text)));
    }
    let policies: Api<ValidatingAdmissionPolicy> = Api::all(client.clone());
    let policies = deadline("list the admission policies", policies.list(&ListParams::default())).await?;
    let mut foreign = policies
        .iter()
        .filter(|policy| exempts_another(policy, lease_namespace));
    Ok(foreign.next().map(|policy| {
        let text = format!(
            "ValidatingAdmissionPolicy {} is the guard of an operator in another namespace, and refuses this one where both act; {REMEDY}",
            policy.name_any()
        );
        (Verdict::Warning, text)
    }))
}

/// Who holds a Lease, as long as it is renewed.
fn holder(lease: &Lease, now: Timestamp) -> Option<&str> {
    let spec = lease.spec.as_ref()?;
    let renewed = spec.renew_time.as_ref()?.0;
    let holder = spec.holder_identity.as_deref().filter(|holder| !holder.is_empty())?;
    (now.duration_since(renewed).abs() < ALIVE).then_some(holder)
}

/// Whether it is a guard that lets an operator through, and not the one whose ServiceAccount is in this namespace.
fn exempts_another(policy: &ValidatingAdmissionPolicy, namespace: &str) -> bool {
    let spec = policy.spec.iter();
    let text = spec
        .filter_map(|spec| serde_json::to_string(spec).ok())
        .collect::<String>();
    text.contains(HASH_ANNOTATION)
        && text.contains("system:serviceaccount:")
        && !text.contains(&format!("system:serviceaccount:{namespace}:"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_a_lease_that_is_renewed_is_held() {
        let now: Timestamp = "2026-01-01T00:10:00Z".parse().unwrap();
        let of = |holder_: &str, renewed: &str| {
            let spec = json!({"holderIdentity": holder_, "renewTime": renewed});
            let lease: Lease = serde_json::from_value(json!({"metadata": {}, "spec": spec})).unwrap();
            holder(&lease, now).map(str::to_owned)
        };
        assert_eq!(of("pod-1", "2026-01-01T00:09:58.000000Z").as_deref(), Some("pod-1"));
        assert_eq!(of("pod-1", "2026-01-01T00:00:00.000000Z"), None);
        assert_eq!(of("", "2026-01-01T00:09:58.000000Z"), None);
    }

    #[test]
    fn a_guard_is_known_by_whom_it_lets_through() {
        let of = |expression: &str| {
            let conditions = json!([{"name": "injected", "expression": "'signer.atto.cash/hash'"}, {"name": "x", "expression": expression}]);
            let policy = json!({"metadata": {"name": "g"}, "spec": {"matchConditions": conditions}});
            exempts_another(&serde_json::from_value(policy).unwrap(), "here")
        };
        assert!(of(
            "request.userInfo.username != 'system:serviceaccount:there:signer-operator'"
        ));
        assert!(!of(
            "request.userInfo.username != 'system:serviceaccount:here:signer-operator'"
        ));
        assert!(!of("true"));
    }
}
