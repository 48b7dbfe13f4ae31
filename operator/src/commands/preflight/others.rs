use crds::SignerBinding;
use crds::conditions::{reasons, types};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use kube::api::ListParams;
use kube::core::DeserializeGuard;
use kube::{Api, Client, ResourceExt};

use super::finding::{Finding, Verdict, unavailable};
use crate::commands::patient::patiently;
use crate::leader::LEASE;
use crate::model::error::Error;
use crate::model::scope::Scope;
use crate::model::text::one_line;

/// Maximum length of text from a binding.
const LONGEST: usize = 500;

const ABOUT: &str = "others";
const OPERATOR: &str = "operator";
const REMEDY: &str =
    "keep one of them: uninstall the other, or let each watch namespaces of its own (watchNamespaces of the chart)";

/// A leader renews its Lease every few seconds. Differences between the clocks of hosts are smaller.
const ALIVE: SignedDuration = SignedDuration::from_mins(1);

/// Whether another operator is active. Operators with Leases in two namespaces do not know about each other.
pub async fn examine(client: &Client, scope: &Scope, lease_namespace: &str) -> Finding {
    // Each operator may have namespaces of its own.
    let verdict = match scope {
        Scope::Cluster => Verdict::Unfit,
        Scope::Namespaces { .. } => Verdict::Warning,
    };
    compared(client, scope, lease_namespace, verdict).await
}

/// The finding about other operators, with this verdict if there is one.
async fn compared(client: &Client, scope: &Scope, lease_namespace: &str, verdict: Verdict) -> Finding {
    match found(client, scope, lease_namespace, verdict).await {
        Ok(None) => Finding::new(Verdict::Ok, ABOUT, "no other operator is running"),
        Ok(Some((verdict, text))) => Finding::new(verdict, ABOUT, text),
        Err(error) if error.is_forbidden() => {
            let text = format!(
                "other operators were not checked, because that needs a ClusterRole; with such rights, `kubectl get leases --all-namespaces --field-selector metadata.name={LEASE}` shows them"
            );
            Finding::new(Verdict::Warning, ABOUT, text)
        }
        Err(error) => unavailable(ABOUT, &error),
    }
}

/// Which operator is active, and whether there is another one.
pub async fn examine_from_outside(client: &Client, scope: &Scope) -> Vec<Finding> {
    let leases = match leases(client).await {
        Ok(leases) => leases,
        Err(error) => return vec![unavailable(OPERATOR, &error)],
    };
    let mut at_work = leases
        .iter()
        .filter_map(|lease| Some((lease.namespace()?, holder(lease, Timestamp::now())?)));
    let Some((namespace, holder)) = at_work.next() else {
        let text = format!(
            "found no running operator: no Lease {LEASE} is renewed; install the operator, or find out why its pods do not run"
        );
        return vec![Finding::new(Verdict::Unfit, OPERATOR, text)];
    };
    let text = format!("{holder} is running, with its Lease {LEASE} in namespace {namespace}");
    vec![
        Finding::new(Verdict::Ok, OPERATOR, text),
        // From outside, the namespaces that each operator serves are unknown.
        compared(client, scope, &namespace, Verdict::Warning).await,
    ]
}

async fn leases(client: &Client) -> Result<Vec<Lease>, Error> {
    let leases: Api<Lease> = Api::all(client.clone());
    let named = ListParams::default().fields(&format!("metadata.name={LEASE}"));
    let found = patiently("list the Leases", async || leases.list(&named).await).await?;
    Ok(found.items)
}

async fn found(
    client: &Client,
    scope: &Scope,
    lease_namespace: &str,
    verdict: Verdict,
) -> Result<Option<(Verdict, String)>, Error> {
    let leases = leases(client).await?;
    let mut others = leases
        .iter()
        .filter(|lease| lease.namespace().as_deref() != Some(lease_namespace));
    if let Some(other) = others.find_map(|lease| holder(lease, Timestamp::now()).map(|holder| (lease, holder))) {
        let (lease, holder) = other;
        let text = format!(
            "found another running operator, {holder}, with its Lease {LEASE} in namespace {}; a binding that both watch is served by one of them and reports Contested; {REMEDY}",
            lease.namespace().unwrap_or_default()
        );
        return Ok(Some((verdict, text)));
    }
    Ok(contested(client, scope).await?.map(|text| (Verdict::Warning, text)))
}

/// A binding whose status says that another operator writes it. This is the only sign of an operator that runs without a Lease.
async fn contested(client: &Client, scope: &Scope) -> Result<Option<String>, Error> {
    let mut all = vec![];
    for api in scope.apis::<DeserializeGuard<SignerBinding>>(client) {
        match patiently("list the SignerBindings", async || {
            api.list(&ListParams::default()).await
        })
        .await
        {
            Ok(found) => all.extend(found.items),
            // Another finding reports a missing CustomResourceDefinition.
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(error),
        }
    }
    let contested = all
        .iter()
        .filter_map(|guarded| guarded.0.as_ref().ok())
        .find_map(|binding| {
            let mut conditions = binding.status.iter().flat_map(|status| &status.conditions);
            let contested = conditions
                .find(|condition| condition.type_ == types::ACCEPTED && condition.reason == reasons::CONTESTED)?;
            Some((binding, contested))
        });
    Ok(contested.map(|(binding, condition)| {
        format!(
            "SignerBinding {}/{} reports Contested: {}",
            binding.namespace().unwrap_or_default(),
            binding.name_any(),
            one_line(&condition.message, LONGEST)
        )
    }))
}

/// The holder of a Lease that is being renewed.
fn holder(lease: &Lease, now: Timestamp) -> Option<&str> {
    let spec = lease.spec.as_ref()?;
    let renewed = spec.renew_time.as_ref()?.0;
    let holder = spec.holder_identity.as_deref().filter(|holder| !holder.is_empty())?;
    (now.duration_since(renewed).abs() < ALIVE).then_some(holder)
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
}
