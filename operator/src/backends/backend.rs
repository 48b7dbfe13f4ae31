//! What the steps ask of a backend.

use crds::{SecretKeyRef, Source};
use serde_json::Value;

use crate::gke::Project;
use crate::model::deployment::LiveDeployment;

/// A warning: its reason and its message.
pub type Noted = (&'static str, String);

/// How a signer proves to its key service who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountNeeds {
    /// By what the platform gives the pod; the annotation says as whom its ServiceAccount acts.
    Pod { annotation: &'static str },
    /// By a token of the ServiceAccount that the signer's container alone has.
    Token,
}

/// What a signer in a pod is given as its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GivenKey<'a> {
    /// The name of a key of a key service.
    Value(&'a str),
    /// A key of a Secret of its namespace.
    Secret { name: &'a str, key: &'a str },
}

/// What comes into the pod in addition to the variables.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mounts {
    /// Volumes of the pod.
    pub volumes: Vec<Value>,
    /// Where the signer's container has them.
    pub volume_mounts: Vec<Value>,
}

/// A Secret of the binding's namespace that the signer reads in addition to the token.
#[derive(Clone, Copy, Debug)]
pub struct NamedSecret<'a> {
    pub reference: &'a SecretKeyRef,
    /// The field of the binding that names it.
    pub field: &'static str,
    /// What it holds.
    pub holds: &'static str,
}

/// Whom the key is granted to.
#[derive(Clone, Copy, Debug)]
pub struct Grantee<'a> {
    pub project: &'a Project,
    /// Who signs the ServiceAccount tokens of this cluster, where it is known.
    pub issuer: Option<&'a str>,
    pub namespace: &'a str,
    /// The ServiceAccount of the pods.
    pub account: &'a str,
    /// Whom the account acts as, where that is known.
    pub acts_as: Option<&'a str>,
}

/// Placeholder in a command if the issuer is not known.
const UNKNOWN_ISSUER: &str = "https://ISSUER";

impl Grantee<'_> {
    /// The subject of the ServiceAccount's tokens.
    pub fn subject(&self) -> String {
        format!("system:serviceaccount:{}:{}", self.namespace, self.account)
    }

    /// The issuer for a command.
    pub fn issuer(&self) -> &str {
        self.issuer.unwrap_or(UNKNOWN_ISSUER)
    }

    /// How to find the issuer where it is not known.
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

    /// Backend and key.
    fn variables(&self) -> [Value; 2];

    /// The variables that say which server has the key, where that is not part of its name.
    fn server(&self) -> Vec<Value> {
        vec![]
    }

    /// The variables that make a signer this voter and no other, with the token.
    fn voter(&self) -> Vec<Value> {
        let mut all = self.variables().to_vec();
        all.extend(self.server());
        all
    }

    /// The variables by which the key service lets the signer in.
    fn access(&self) -> Vec<Value> {
        vec![]
    }

    /// Whether a signer that is given this, and has these values in its variables, has the key; a Secret is one of the binding's namespace.
    fn is_given<'a>(&self, found: &GivenKey<'_>, variable: &dyn Fn(&str) -> Option<&'a str>) -> bool;

    /// What the signer's container has of files.
    fn mounts(&self) -> Mounts {
        Mounts::default()
    }

    /// The audience of the signer's own token, where it has one.
    fn audience(&self) -> Option<String> {
        None
    }

    /// The Secret that the signer needs in addition to the token.
    fn secret(&self) -> Option<NamedSecret<'_>> {
        None
    }

    /// The private key itself, where it is in a Secret.
    fn private_key(&self) -> Option<&SecretKeyRef> {
        None
    }

    /// Whether another binding names the same key of the key service: two voters with one key vote against each other.
    fn is_same_key(&self, other: &Source<'_>) -> bool;

    /// What the pods' ServiceAccount has to say. None where the pods prove nothing.
    fn account(&self) -> Option<AccountNeeds> {
        None
    }

    /// The commands that let a ServiceAccount use the key.
    fn grants(&self, grantee: &Grantee<'_>) -> String {
        let _ = grantee;
        String::new()
    }

    /// A warning about every key of this kind, independent of the Deployment.
    fn note(&self) -> Option<Noted> {
        None
    }

    /// What of a Deployment does not go well with such a key.
    fn warnings(&self, live: &LiveDeployment) -> Vec<Noted> {
        let _ = live;
        vec![]
    }

    /// What of the pods' ServiceAccount, by its name and annotations, does not go well with such a key.
    fn account_warning(&self, account: &str, annotations: &Value) -> Option<Noted> {
        let _ = (account, annotations);
        None
    }
}
