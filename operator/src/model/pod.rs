//! A pod that runs an injected template, and its signer's report.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

/// A pod that runs an injected template, with the fields that the later steps use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InjectedPod {
    pub name: String,
    pub hash: String,
    pub signer_runs: bool,
    pub signer_started: bool,
    pub waiting: Option<Waiting>,
    /// The init container that delays its signer.
    pub ahead: Option<Ahead>,
    /// Name and key of the Secret with the token.
    pub token: Option<(String, String)>,
    /// The last answer of its signer. None before the first query.
    pub answer: Option<Answer>,
}

/// A pod with a signer, possibly terminating, with the fields for comparing it with others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodWithKey {
    /// The key of its signer, in the form of a status.
    pub key: Option<String>,
    /// Whether its containers are being terminated.
    pub is_ending: bool,
}

/// An init container before the signer that has neither completed nor, as a sidecar, started.
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

/// A signer's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    Up(Option<SignerIdentity>),
    Down(Fault, Option<SignerIdentity>),
    /// Unreachable: a NetworkPolicy, an operator outside of the cluster, or a process that hangs. Nothing is known.
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

/// The identity of a signer.
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
