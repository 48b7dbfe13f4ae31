//! A pod that runs an injected template, and what its signer says of itself.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

/// A pod that runs an injected template, as far as the later steps decide from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InjectedPod {
    pub name: String,
    pub hash: String,
    pub signer_runs: bool,
    pub signer_started: bool,
    pub waiting: Option<Waiting>,
    /// What its signer does not start before.
    pub ahead: Option<Ahead>,
    /// Name and key of the Secret with the token.
    pub token: Option<(String, String)>,
    /// What its signer said last; none before it was asked.
    pub answer: Option<Answer>,
}

/// A pod that runs an injected template, also one that is being deleted, by what matters of it among others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodWithKey {
    /// The key of its signer, as a status names it.
    pub key: Option<String>,
    /// Whether its containers are told to end.
    pub is_ending: bool,
}

/// An init container that runs before the signer and has neither ended well nor, as a sidecar, started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ahead {
    pub container: String,
    /// Since when it runs.
    pub since: Option<Time>,
    pub has_failed: bool,
}

/// A container that waits for something that needs action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    pub container: String,
    pub reason: String,
    pub message: String,
}

/// What a signer answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    Up(Option<SignerIdentity>),
    Down(Fault, Option<SignerIdentity>),
    /// A NetworkPolicy, an operator outside of the cluster, or a process that hangs: nothing is known.
    Unreachable,
}

impl Answer {
    pub fn identity(&self) -> Option<&SignerIdentity> {
        match self {
            Self::Up(identity) | Self::Down(_, identity) => identity.as_ref(),
            Self::Unreachable => None,
        }
    }
}

/// Who the signer is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignerIdentity {
    pub public_key: String,
    pub address: String,
}

/// Why a signer does not sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub reason: &'static str,
    /// The signer's own short name of the cause.
    pub code: String,
    pub text: String,
}
