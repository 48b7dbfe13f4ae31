//! How the pods of a Deployment, or only their signers, prove their identity to a key service, according to Kubernetes.

use crds::conditions::reasons;
use crds::names::{FIELD_MANAGER, GCP_ACCOUNT_ANNOTATION};
use serde_json::Value;

use crate::backends::{self, AccountNeeds};
use crate::model::deployment::LiveDeployment;
use crate::model::identity::{PodIdentity, all_holders, is_ours};
use crate::model::observed::{Account, Observed, ObservedTarget};
use crate::model::reason::Reason;

/// Decides from the live ServiceAccount. `was_ready` says whether the annotation existed before, for this spec.
pub fn identity(observed: &Observed, target: &ObservedTarget, was_ready: bool) -> Result<PodIdentity, Reason> {
    let spec = &observed.binding.spec;
    let Some(needs) = backends::account(&observed.binding) else {
        return Ok(PodIdentity::NotNeeded);
    };
    let Some(live) = target.deployment.as_ref() else {
        return Ok(PodIdentity::NotKnown);
    };
    let name = live.service_account();
    let account = observed.accounts.iter().find(|account| account.name == name);
    let annotation = match needs {
        AccountNeeds::Token => return projected(live, account),
        AccountNeeds::Pod { annotation } => annotation,
    };
    let found = account
        .and_then(|account| account.live.as_ref())
        .and_then(|live| annotated(live, annotation));
    if let Some(by) = account.and_then(|account| account.needed_by.as_ref()) {
        return Err(needed(live, by, found.as_deref().unwrap_or_default()));
    }
    let Some(wanted) = &spec.workload_identity else {
        return Ok(PodIdentity::Direct {
            account: name.to_owned(),
            annotated: found,
        });
    };
    let google = &wanted.gcp_service_account;
    let account = usable(live, account, google)?;
    match found {
        Some(found) if found != *google && !may_replace(account, was_ready) => Err(conflict(account, &found, google)),
        found => Ok(PodIdentity::ActsAs {
            account: name.to_owned(),
            is_annotated: found.as_ref() == Some(google) && account.live.as_ref().is_some_and(is_ours),
            google: google.clone(),
        }),
    }
}

/// An account that exists, is not `default`, and has no other users.
fn usable<'a>(live: &LiveDeployment, account: Option<&'a Account>, google: &str) -> Result<&'a Account, Reason> {
    let deployment = live.name();
    if live.service_account() == "default" {
        return Err(Reason::new(
            reasons::NO_SERVICE_ACCOUNT,
            format!(
                "Deployment {deployment}: found ServiceAccount default, which every pod of the namespace may use, expected one of its own. Create one and name it. Add to the manifest:\n{}",
                manifest(live, google)
            ),
        ));
    }
    let account = existing(live, account)?;
    match &account.outsider {
        None => Ok(account),
        Some(pod) => Err(Reason::new(
            reasons::SERVICE_ACCOUNT_SHARED,
            format!(
                "Pod {pod} also uses ServiceAccount {} and would get the right to use the key. Give Deployment {deployment} a ServiceAccount of its own (spec.template.spec.serviceAccountName)",
                account.name
            ),
        )),
    }
}

/// Without its ServiceAccount, no pod is created. Other users of the account only cause a warning, because the person who grants
/// the key decides, and the operator grants nothing.
fn projected(live: &LiveDeployment, account: Option<&Account>) -> Result<PodIdentity, Reason> {
    let account = existing(live, account)?;
    Ok(PodIdentity::Projected {
        account: account.name.clone(),
    })
}

fn existing<'a>(live: &LiveDeployment, account: Option<&'a Account>) -> Result<&'a Account, Reason> {
    account.filter(|account| account.live.is_some()).ok_or_else(|| {
        Reason::new(
            reasons::SERVICE_ACCOUNT_NOT_FOUND,
            format!(
                "Deployment {}: found ServiceAccount {}, which does not exist in this namespace. Create it: kubectl create serviceaccount {1} --namespace {}",
                live.name(),
                live.service_account(),
                live.namespace()
            ),
        )
    })
}

/// The operator wrote the annotation for another binding. The older binding keeps it.
fn needed(live: &LiveDeployment, by: &str, found: &str) -> Reason {
    Reason::new(
        reasons::SERVICE_ACCOUNT_SHARED,
        format!(
            "{by} needs ServiceAccount {} to act as {found}, and it can act as only one. Give Deployment {} a ServiceAccount of its own (spec.template.spec.serviceAccountName)",
            live.service_account(),
            live.name()
        ),
    )
}

/// The missing lines of a manifest.
fn manifest(live: &LiveDeployment, google: &str) -> String {
    let (name, namespace) = (live.name(), live.namespace());
    format!(
        "apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: {name}\n  namespace: {namespace}\n  annotations:\n    {GCP_ACCOUNT_ANNOTATION}: {google}\n---\n# Deployment {name}\nspec:\n  template:\n    spec:\n      serviceAccountName: {name}"
    )
}

/// The operator may change its own earlier value, and restores it after a manual edit. A manifest's value is intended and stays.
fn may_replace(account: &Account, was_ready: bool) -> bool {
    let Some(live) = &account.live else { return false };
    is_ours(live)
        || (was_ready
            && holders(live)
                .all(|(manager, operation)| operation == "Update" && manager != "kubectl-client-side-apply"))
}

fn conflict(account: &Account, found: &str, wanted: &str) -> Reason {
    let managers: Vec<_> = account
        .live
        .iter()
        .flat_map(holders)
        .map(|(manager, operation)| format!("field manager {manager} ({operation})"))
        .collect();
    Reason::new(
        reasons::FIELD_CONFLICT,
        format!(
            "ServiceAccount {}: the annotation {GCP_ACCOUNT_ANNOTATION} is {found}, written by {}; expected {wanted}. Remove it from the manifest or give it that value",
            account.name,
            managers.join(" and ")
        ),
    )
}

fn annotated(live: &Value, annotation: &str) -> Option<String> {
    let found = live["metadata"]["annotations"][annotation].as_str()?;
    Some(found.to_owned())
}

/// The other managers of the annotation.
fn holders(live: &Value) -> impl Iterator<Item = (&str, &str)> {
    all_holders(live).filter(|(manager, _)| *manager != FIELD_MANAGER)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn account(managers: &[(&str, &str)]) -> Account {
        let fields = json!({"f:metadata": {"f:annotations": {"f:iam.gke.io/gcp-service-account": {}}}});
        let managers = managers.iter();
        let entries: Vec<_> = managers
            .map(|(manager, operation)| json!({"manager": manager, "operation": operation, "fieldsV1": fields}))
            .collect();
        Account {
            name: "voter".to_owned(),
            live: Some(json!({"metadata": {"managedFields": entries}})),
            outsider: None,
            needed_by: None,
        }
    }

    #[test]
    fn replaces_its_own_value_and_what_was_put_over_it_by_hand() {
        for (managers, was_ready, expected) in [
            (&[("signer-operator", "Apply")][..], false, true),
            (&[("kubectl-annotate", "Update")], true, true),
            (&[("kubectl-annotate", "Update")], false, false),
            (&[("kubectl-client-side-apply", "Update")], true, false),
            (&[("flux", "Apply")], true, false),
        ] {
            assert_eq!(
                may_replace(&account(managers), was_ready),
                expected,
                "{managers:?} {was_ready}"
            );
        }
    }

    #[test]
    fn the_default_account_is_refused_with_the_lines_to_add() {
        let live = LiveDeployment::new(json!({"metadata": {"name": "voter", "namespace": "atto"}, "spec": {}}));
        let refusal = usable(&live, None, "signer@p.iam.gserviceaccount.com").unwrap_err();
        assert_eq!(refusal.code, "NoServiceAccount");
        for line in [
            "kind: ServiceAccount",
            "    iam.gke.io/gcp-service-account: signer@p.iam.gserviceaccount.com",
            "      serviceAccountName: voter",
        ] {
            assert!(refusal.message.contains(line), "{}", refusal.message);
        }
    }
}
