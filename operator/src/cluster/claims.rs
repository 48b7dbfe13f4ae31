//! Which bindings claim a Deployment, read from the API server itself. A watch may be behind, and removing a signer because a new
//! binding was not seen yet would start its voter without a signer.

use std::collections::BTreeMap;

use crds::SignerBinding;
use kube::core::DeserializeGuard;
use kube::{Resource, ResourceExt};

use super::Cluster;
use crate::model::deployment::LiveDeployment;
use crate::model::error::Error;

/// The bindings of a namespace that are not being deleted, as the API server has them now.
pub struct Claims(Vec<DeserializeGuard<SignerBinding>>);

/// A binding that names a Deployment, or may name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// The binding's name.
    Made(String),
    /// The name of a binding that cannot be read. It may be for any Deployment of its namespace.
    Unreadable(String),
}

impl Cluster {
    /// Lists the bindings of a namespace.
    ///
    /// # Errors
    /// Fails if the API server does not answer.
    pub async fn claims(&self, namespace: &str) -> Result<Claims, Error> {
        Ok(Claims(self.bindings(namespace).await?))
    }
}

impl Claims {
    /// Which binding other than this one names the Deployment.
    pub fn on(&self, live: &LiveDeployment, except: Option<&SignerBinding>) -> Option<Claim> {
        let labels = live.labels();
        let name = except.map(ResourceExt::name_any);
        let mut others = self.0.iter().filter(|other| name.as_ref() != Some(&other.name_any()));
        others.find_map(|other| claim(other, live.name(), &labels))
    }
}

/// Whether a binding that is not being deleted names a Deployment of its namespace, or may name it.
pub fn claim(
    binding: &DeserializeGuard<SignerBinding>,
    name: &str,
    labels: &BTreeMap<String, String>,
) -> Option<Claim> {
    if binding.meta().deletion_timestamp.is_some() {
        return None;
    }
    match &binding.0 {
        Ok(readable) => {
            let is_for = readable.spec.target.selects(name, labels);
            is_for.then(|| Claim::Made(binding.name_any()))
        }
        Err(_) => Some(Claim::Unreadable(binding.name_any())),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn claim_of(others: &[Value], except: Option<&SignerBinding>) -> Option<Claim> {
        let others = others
            .iter()
            .map(|other| serde_json::from_value(other.clone()).unwrap());
        let live = LiveDeployment::new(json!({"metadata": {"name": "voter"}}));
        Claims(others.collect()).on(&live, except)
    }

    fn binding(name: &str, target: &str) -> Value {
        json!({
            "apiVersion": "signer.atto.cash/v1alpha1", "kind": "SignerBinding",
            "metadata": {"name": name, "namespace": "atto"},
            "spec": {
                "target": {"name": target}, "capabilities": ["VOTE"], "tokenSecretRef": {"name": "t", "key": "k"},
                "key": {"local": {"secretRef": {"name": "s", "key": "k"}}},
            },
        })
    }

    #[test]
    fn one_that_stays_claims_and_so_does_one_that_cannot_be_read() {
        let own: SignerBinding = serde_json::from_value(binding("own", "voter")).unwrap();
        let mut leaving = binding("leaving", "voter");
        leaving["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        let others = [binding("own", "voter"), binding("other", "elsewhere"), leaving];
        assert_eq!(claim_of(&others, Some(&own)), None);
        assert_eq!(claim_of(&others, None), Some(Claim::Made("own".to_owned())));
        let mut newer = binding("newer", "voter");
        newer["spec"]["capabilities"] = json!(["TELEPORT"]);
        assert_eq!(
            claim_of(&[newer], Some(&own)),
            Some(Claim::Unreadable("newer".to_owned()))
        );
    }
}
