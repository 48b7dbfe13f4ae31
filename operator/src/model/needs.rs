//! The requirements of the Deployments of a namespace on their ServiceAccounts. An annotation has one value, no matter
//! who wrote it, and all bindings write it under one field manager. Before it is changed or removed, the operator
//! checks who needs it.

use crds::SignerBinding;
use kube::core::DeserializeGuard;
use kube::{Resource, ResourceExt};
use serde_json::Value;

use super::deployment::LiveDeployment;
use crate::backends::{self, AccountNeeds};
use crate::template::voter::is_its_voter;

/// The needs of every Deployment of a namespace.
#[derive(Debug)]
pub struct Needs {
    claims: Vec<Claim>,
    /// A binding that cannot be read may need anything.
    unreadable: Option<String>,
}

#[derive(Debug)]
struct Claim {
    account: String,
    /// Its name in a message.
    by: String,
    need: Need,
    /// The binding that serves the Deployment.
    serving: Option<String>,
}

#[derive(Debug)]
enum Need {
    /// The binding asks that the pods act as this Google service account.
    ActAs(String),
    /// A signer that no binding has replaced yet: its pods keep the identity that they were injected with.
    AsItIs,
}

impl Needs {
    /// Collects the needs from the objects of one namespace.
    pub fn of(bindings: &[DeserializeGuard<SignerBinding>], deployments: &[LiveDeployment]) -> Self {
        let (mut readable, mut unreadable) = (vec![], None);
        for binding in bindings
            .iter()
            .filter(|binding| binding.meta().deletion_timestamp.is_none())
        {
            match &binding.0 {
                Ok(binding) => readable.push(binding),
                Err(_) => unreadable = Some(format!("SignerBinding {}, which cannot be read,", binding.name_any())),
            }
        }
        // The oldest binding serves a Deployment, then the first by name.
        readable.sort_by_cached_key(|binding| (binding.creation_timestamp().map(|time| time.0), binding.name_any()));
        let there = deployments.iter().filter(|live| !live.is_terminating());
        Self {
            claims: there.flat_map(|live| claims(&readable, live)).collect(),
            unreadable,
        }
    }

    /// Who needs this account to act as this Google service account, if any.
    pub fn who_needs(&self, account: &str, google: &str) -> Option<&str> {
        self.first(account, google, |_| true)
    }

    /// Who else needs it: a binding does not wait for the signers that it replaces itself.
    pub fn who_else_needs(&self, account: &str, google: &str, binding: &str) -> Option<&str> {
        self.first(account, google, |claim| claim.serving.as_deref() != Some(binding))
    }

    fn first(&self, account: &str, google: &str, counts: impl Fn(&Claim) -> bool) -> Option<&str> {
        let mut of_account = self.claims.iter().filter(|claim| claim.account == account);
        let claim = of_account.find(|claim| match &claim.need {
            Need::ActAs(wanted) => wanted == google && counts(claim),
            Need::AsItIs => counts(claim),
        });
        claim.map(|claim| claim.by.as_str()).or(self.unreadable.as_deref())
    }
}

/// What the binding of a Deployment asks for, and what its present signer needs. A change that waits, for example for an approval,
/// has not reached the template.
fn claims(bindings: &[&SignerBinding], live: &LiveDeployment) -> Vec<Claim> {
    let labels = live.labels();
    let serving = bindings
        .iter()
        .find(|binding| binding.spec.target.selects(live.name(), &labels));
    let claim = |by: String, need: Need| Claim {
        account: live.service_account().to_owned(),
        by,
        need,
        serving: serving.map(|binding| binding.name_any()),
    };
    let mut claims = vec![];
    if let Some(binding) = serving
        && backends::account(binding).is_some()
        && let Some(wanted) = &binding.spec.workload_identity
    {
        let by = format!("SignerBinding {}", binding.name_any());
        claims.push(claim(by, Need::ActAs(wanted.gcp_service_account.clone())));
    }
    if signs_with_google(live) && !serving.is_some_and(|binding| keeps_the_signer(binding, live)) {
        let by = format!("the signer of Deployment {}", live.name());
        claims.push(claim(by, Need::AsItIs));
    }
    claims
}

/// Whether a signer that uses the pod's identity in Google Cloud is the one that the binding asks for. Only the binding then says
/// which identity that is, because a change of the identity alone replaces no pod.
fn keeps_the_signer(binding: &SignerBinding, live: &LiveDeployment) -> bool {
    matches!(backends::account(binding), Some(AccountNeeds::Pod { .. })) && is_its_voter(binding, live)
}

/// Whether the template has a signer of the operator that uses the pod's identity in Google Cloud.
fn signs_with_google(live: &LiveDeployment) -> bool {
    let env = live.signer().and_then(|signer| signer["env"].as_array());
    let is_backend = |entry: &Value| entry["name"] == "ATTO_SIGNER_BACKEND" && entry["value"] == "GCP";
    // It has its own token.
    let is_federated = |entry: &Value| entry["name"] == "ATTO_SIGNER_GCP_PROVIDER";
    live.injected_hash().is_some() && env.is_some_and(|env| env.iter().any(is_backend) && !env.iter().any(is_federated))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const GOOGLE: &str = "signer@p.iam.gserviceaccount.com";

    fn binding(name: &str, deployment: &str, spec: &Value) -> DeserializeGuard<SignerBinding> {
        let mut binding = json!({
            "apiVersion": "signer.atto.cash/v1alpha1", "kind": "SignerBinding",
            "metadata": {"name": name, "creationTimestamp": "2026-01-01T00:00:00Z"},
            "spec": {
                "target": {"name": deployment}, "capabilities": ["VOTE"], "tokenSecretRef": {"name": "t", "key": "k"},
                "key": {"gcp": {"keyVersion": "projects/p/locations/global/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1"}},
            },
        });
        for (field, value) in spec.as_object().into_iter().flatten() {
            binding["spec"][field] = value.clone();
        }
        serde_json::from_value(binding).unwrap()
    }

    fn acting(name: &str, deployment: &str) -> DeserializeGuard<SignerBinding> {
        binding(
            name,
            deployment,
            &json!({"workloadIdentity": {"gcpServiceAccount": GOOGLE}}),
        )
    }

    fn deployment(name: &str, is_injected: bool) -> LiveDeployment {
        let mut object = json!({
            "metadata": {"name": name},
            "spec": {"template": {"spec": {"serviceAccountName": "voter"}}},
        });
        if is_injected {
            let template = &mut object["spec"]["template"];
            template["metadata"]["annotations"]["signer.atto.cash/hash"] = json!("h");
            template["spec"]["initContainers"] =
                json!([{"name": "signer", "env": [{"name": "ATTO_SIGNER_BACKEND", "value": "GCP"}]}]);
        }
        LiveDeployment::new(object)
    }

    #[test]
    fn an_annotation_is_needed_by_whoever_asks_for_it_or_was_left_with_it() {
        let local = json!({"key": {"local": {"secretRef": {"name": "s", "key": "k"}}}});
        let (one, other) = (deployment("one", false), deployment("other", true));
        for (bindings, deployments, expected) in [
            (vec![acting("a", "one")], vec![one.clone()], Some("SignerBinding a")),
            (vec![binding("a", "one", &json!({}))], vec![one.clone()], None),
            // The Deployment does not exist, or an older binding serves it.
            (vec![acting("a", "gone")], vec![one.clone()], None),
            (
                vec![binding("a", "one", &json!({})), acting("b", "one")],
                vec![one.clone()],
                None,
            ),
            // Left behind, or not written again yet.
            (
                vec![],
                vec![one.clone(), other.clone()],
                Some("the signer of Deployment other"),
            ),
            (
                vec![binding("a", "other", &local)],
                vec![other.clone()],
                Some("the signer of Deployment other"),
            ),
            (vec![binding("a", "one", &local)], vec![one.clone()], None),
        ] {
            let needs = Needs::of(&bindings, &deployments);
            assert_eq!(needs.who_needs("voter", GOOGLE), expected, "{bindings:?}");
            assert_eq!(needs.who_needs("another", GOOGLE), None);
        }
        let needs = Needs::of(&[acting("a", "one")], &[one]);
        assert_eq!(needs.who_needs("voter", "another@p.iam.gserviceaccount.com"), None);
    }

    #[test]
    fn a_signer_needs_its_identity_until_it_is_replaced_but_not_from_its_own_binding() {
        let key =
            |version: u8| format!("projects/p/locations/global/keyRings/r/cryptoKeys/k/cryptoKeyVersions/{version}");
        let mut running = deployment("one", true).raw().clone();
        running["spec"]["template"]["spec"]["initContainers"][0]["env"] = json!([
            {"name": "ATTO_SIGNER_BACKEND", "value": "GCP"},
            {"name": "ATTO_SIGNER_KEY", "value": key(1)},
            {"name": "ATTO_SIGNER_TOKEN", "valueFrom": {"secretKeyRef": {"name": "t", "key": "k"}}},
        ]);
        running["metadata"]["managedFields"] = json!([{"manager": "signer-operator", "operation": "Apply", "fieldsV1": {
            "f:spec": {"f:template": {"f:spec": {"f:initContainers": {"k:{\"name\":\"signer\"}": {}}}}},
        }}]);
        let provider = "//iam.googleapis.com/projects/42/locations/global/workloadIdentityPools/a/providers/b";
        let federation = json!({"keyVersion": key(1), "federation": {"provider": provider}});
        let vault = json!({"address": "https://v", "key": "k", "version": 1, "auth": {"kubernetes": {"role": "r"}}});
        for (spec, is_needed) in [
            // The binding asks for this signer, with the identity that the key is granted to.
            (json!({}), false),
            (json!({"key": {"gcp": {"keyVersion": key(2)}}}), true),
            (json!({"key": {"gcp": federation}}), true),
            (json!({"key": {"vault": vault}}), true),
        ] {
            let needs = Needs::of(&[binding("a", "one", &spec)], &[LiveDeployment::new(running.clone())]);
            let expected = is_needed.then_some("the signer of Deployment one");
            assert_eq!(needs.who_needs("voter", GOOGLE), expected, "{spec}");
            assert_eq!(needs.who_else_needs("voter", GOOGLE, "b"), expected, "{spec}");
            assert_eq!(needs.who_else_needs("voter", GOOGLE, "a"), None, "{spec}");
        }
    }

    #[test]
    fn a_binding_that_cannot_be_read_may_need_anything() {
        let unreadable = json!({"apiVersion": "signer.atto.cash/v1alpha1", "kind": "SignerBinding", "metadata": {"name": "a"}, "spec": 1});
        let needs = Needs::of(&[serde_json::from_value(unreadable).unwrap()], &[]);
        assert!(
            needs
                .who_needs("voter", GOOGLE)
                .is_some_and(|by| by.contains("SignerBinding a"))
        );
    }
}
