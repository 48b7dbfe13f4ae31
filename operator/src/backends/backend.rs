//! The interface of a backend for the reconcile steps.

use crds::{SecretKeyRef, Source};
use serde_json::Value;

use crate::gke::Project;
use crate::model::deployment::LiveDeployment;

/// Reason and message of a warning.
pub type Noted = (&'static str, String);

/// How a signer proves its identity to its key service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountNeeds {
    /// With the identity that the platform gives the pod. The annotation names the account that the ServiceAccount acts as.
    Pod { annotation: &'static str },
    /// With a ServiceAccount token that only the signer's container has.
    Token,
}

/// The key in the variables of a signer container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GivenKey<'a> {
    /// The name of a key in a key service.
    Value(&'a str),
    /// A key of a Secret in the pod's namespace.
    Secret { name: &'a str, key: &'a str },
}

/// The volumes and mounts that a backend adds to the pod, in addition to variables.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mounts {
    /// Volumes of the pod.
    pub volumes: Vec<Value>,
    /// Mounts of the signer's container.
    pub volume_mounts: Vec<Value>,
}

/// A Secret in the binding's namespace that the signer reads in addition to the token.
#[derive(Clone, Copy, Debug)]
pub struct NamedSecret<'a> {
    pub reference: &'a SecretKeyRef,
    /// The field of the binding that names it.
    pub field: &'static str,
    /// Its contents, for a message.
    pub holds: &'static str,
}

/// The identity that the key is granted to.
#[derive(Clone, Copy, Debug)]
pub struct Grantee<'a> {
    pub project: &'a Project,
    /// The issuer of this cluster's ServiceAccount tokens, if it is known.
    pub issuer: Option<&'a str>,
    pub namespace: &'a str,
    /// The ServiceAccount of the pods.
    pub account: &'a str,
    /// The account that the ServiceAccount acts as, if that is known.
    pub acts_as: Option<&'a str>,
}

/// Placeholder in a command if the issuer is not known.
const UNKNOWN_ISSUER: &str = "https://ISSUER";

impl Grantee<'_> {
    /// The subject of the ServiceAccount's tokens.
    pub fn subject(&self) -> String {
        format!("system:serviceaccount:{}:{}", self.namespace, self.account)
    }

    /// The issuer, or the placeholder, for a command.
    pub fn issuer(&self) -> &str {
        self.issuer.unwrap_or(UNKNOWN_ISSUER)
    }

    /// Tells how to find the issuer if it is not known.
    pub fn how_to_find_the_issuer(&self) -> &'static str {
        match self.issuer {
            Some(_) => "",
            None => {
                " https://ISSUER stands for the issuer of this cluster's tokens, which kubectl get --raw /.well-known/openid-configuration prints."
            }
        }
    }
}

/// A kind of key.
pub trait KeyBackend {
    /// The field of the binding that names the key.
    fn field(&self) -> &'static str;

    /// The variables for the backend and the key.
    fn variables(&self) -> [Value; 2];

    /// The variables for the server that has the key, if the key's name does not include it.
    fn server(&self) -> Vec<Value> {
        vec![]
    }

    /// The variables that determine the voter's identity, and the token.
    fn voter(&self) -> Vec<Value> {
        let mut all = self.variables().to_vec();
        all.extend(self.server());
        all
    }

    /// The variables for authentication at the key service.
    fn access(&self) -> Vec<Value> {
        vec![]
    }

    /// Whether a signer with this key and these values of its variables has the key of this backend. A Secret is in the binding's
    /// namespace.
    fn is_given<'a>(&self, found: &GivenKey<'_>, variable: &dyn Fn(&str) -> Option<&'a str>) -> bool;

    /// Volumes and mounts for the signer's container.
    fn mounts(&self) -> Mounts {
        Mounts::default()
    }

    /// The audience of the signer's own token, if it has one.
    fn audience(&self) -> Option<String> {
        None
    }

    /// The Secret that the signer needs in addition to the token.
    fn secret(&self) -> Option<NamedSecret<'_>> {
        None
    }

    /// The Secret with the private key, if the key is in one.
    fn private_key(&self) -> Option<&SecretKeyRef> {
        None
    }

    /// Whether another binding names the same key of the key service. Two voters with one key vote against each other.
    fn is_same_key(&self, other: &Source<'_>) -> bool;

    /// The requirements of the backend on the pods' ServiceAccount. None if the pods need no identity.
    fn account(&self) -> Option<AccountNeeds> {
        None
    }

    /// The commands that let a ServiceAccount use the key.
    fn grants(&self, grantee: &Grantee<'_>) -> String {
        let _ = grantee;
        String::new()
    }

    /// A warning that applies to every key of this backend.
    fn note(&self) -> Option<Noted> {
        None
    }

    /// Warnings about properties of the Deployment that conflict with the key.
    fn warnings(&self, live: &LiveDeployment) -> Vec<Noted> {
        let _ = live;
        vec![]
    }

    /// A warning about a pods' ServiceAccount, by name and annotations, that conflicts with the key.
    fn account_warning(&self, account: &str, annotations: &Value) -> Option<Noted> {
        let _ = (account, annotations);
        None
    }
}
