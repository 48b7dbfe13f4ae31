//! What the steps ask of a backend.

use crds::{SecretKeyRef, Source};
use serde_json::Value;

use crate::gke::Project;
use crate::model::deployment::LiveDeployment;

/// A warning: its reason, and what is said.
pub type Noted = (&'static str, String);

/// What a key service asks of the ServiceAccount of the pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountNeeds {
    /// The annotation that says as whom the account acts.
    pub annotation: &'static str,
}

/// What a signer in a pod is given as its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GivenKey<'a> {
    /// The name of a key of a key service.
    Value(&'a str),
    /// A key of a Secret of its namespace.
    Secret { name: &'a str, key: &'a str },
}

/// What comes into the pod beside the variables.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mounts {
    /// Volumes of the pod.
    pub volumes: Vec<Value>,
    /// Where the signer's container has them.
    pub volume_mounts: Vec<Value>,
}

/// A kind of key.
pub trait KeyBackend {
    /// The field of the binding that names the key.
    fn field(&self) -> &'static str;

    /// The variables that make a signer this voter and no other, with the token: backend and key.
    fn variables(&self) -> [Value; 2];

    /// Whether a signer that is given this has the key; a Secret is one of the binding's namespace.
    fn is_given(&self, found: &GivenKey<'_>) -> bool;

    /// What the signer's container has of files.
    fn mounts(&self) -> Mounts {
        Mounts::default()
    }

    /// The Secrets of the binding's namespace that the signer reads beside the token.
    fn secrets(&self) -> Vec<&SecretKeyRef> {
        vec![]
    }

    /// Whether another binding names the same key of the key service: two voters with one key vote against each other.
    fn is_same_key(&self, other: &Source<'_>) -> bool;

    /// What the pods' ServiceAccount has to say. None where the pods prove nothing.
    fn account(&self) -> Option<AccountNeeds> {
        None
    }

    /// The commands that let a ServiceAccount use the key: as itself, or as the identity that `acts_as` names.
    fn grants(&self, project: &Project, namespace: &str, account: &str, acts_as: &str) -> String {
        let _ = (project, namespace, account, acts_as);
        String::new()
    }

    /// What should be known of such a key, whatever the Deployment.
    fn note(&self) -> Option<Noted> {
        None
    }

    /// What of a Deployment does not go well with such a key.
    fn warnings(&self, live: &LiveDeployment) -> Vec<Noted> {
        let _ = live;
        vec![]
    }
}
