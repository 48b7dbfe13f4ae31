//! The requirements of an injection in addition to the Deployment: the token, the identity and the Secret of a key.
//! Pods with the signer wait for these, so nothing is injected before they exist. After an injection, waiting is the
//! right behaviour: without its signer, the node would start with a temporary key.

use crds::SecretKeyRef;
use crds::conditions::reasons;

use super::deployment;
use super::token::Usable;
use crate::backends::{KeyBackend, NamedSecret};
use crate::model::binding::{is_stripped, last_hash};
use crate::model::identity::PodIdentity;
use crate::model::observed::{LocalKeySecret, Observed, ObservedTarget};
use crate::model::reason::Reason;
use crate::template::hash::token_part;

/// The inputs of an injection.
pub struct Readiness {
    pub token_fingerprint: String,
    pub identity: PodIdentity,
    /// Whether the key's Secret must exist.
    pub needs_key: bool,
}

/// The existing inputs. For a voter that lost its signer, placeholders for missing ones.
pub fn readiness(
    observed: &Observed,
    target: &ObservedTarget,
    token: &Result<Usable, Reason>,
    identity: &Result<PodIdentity, Reason>,
) -> Result<Readiness, Reason> {
    let recorded = recorded_token(observed, target);
    let token_fingerprint = match (token, &recorded) {
        (Ok(usable), _) => usable.fingerprint.clone(),
        (Err(_), Some(recorded)) => recorded.clone(),
        (Err(_), None) => {
            return Err(Reason::new(
                reasons::TOKEN_NOT_READY,
                "Nothing is written until the token is ready. Injected signers stay as they are",
            ));
        }
    };
    let identity = match (identity, &recorded) {
        (Ok(identity), _) => identity.clone(),
        (Err(_), Some(_)) => PodIdentity::NotKnown,
        (Err(_), None) => {
            return Err(Reason::new(
                reasons::IDENTITY_NOT_READY,
                "Nothing is written until the identity is ready, because the node would wait for its signer without it. Injected signers stay as they are",
            ));
        }
    };
    Ok(Readiness {
        token_fingerprint,
        identity,
        needs_key: recorded.is_none(),
    })
}

/// The token's part of the last injection's hash, for a Deployment that lost its signer. With it, the same template is restored,
/// and a token that returns unchanged is not a rotation.
fn recorded_token(observed: &Observed, target: &ObservedTarget) -> Option<String> {
    let binding = &observed.binding;
    let live = deployment::present(target).ok()?;
    let container = deployment::node_container(live, binding.spec.target.container.as_deref()).ok()?;
    is_stripped(binding, live, &container).then(|| {
        let hash = last_hash(binding, live.name()).or_else(|| live.injected_hash());
        hash.map(token_part).unwrap_or_default().to_owned()
    })
}

/// The refusal of a variable whose Secret or key does not exist. A container that needs it does not start.
pub fn variables_have_their_secrets(observed: &Observed) -> Result<(), Reason> {
    let Some((variable, SecretKeyRef { name, key })) = observed.missing_sources.first() else {
        return Ok(());
    };
    Err(Reason::new(
        reasons::KEY_NOT_FOUND,
        format!(
            "spec.signer.env, {variable}: found no key {key} in Secret {name} of this namespace. Create it, or name one that exists"
        ),
    ))
}

/// The refusal of a key whose Secret or key does not exist.
pub fn key_is_there(observed: &Observed, backend: &dyn KeyBackend) -> Result<(), Reason> {
    let Some(NamedSecret {
        reference: SecretKeyRef { name, key },
        field,
        holds,
    }) = backend.secret()
    else {
        return Ok(());
    };
    let missing = match observed.local_key {
        LocalKeySecret::Found | LocalKeySecret::NotUsed => return Ok(()),
        LocalKeySecret::SecretNotFound => format!(
            "{field}: found no Secret {name} with data in this namespace. Create it with the {holds} under {key}"
        ),
        LocalKeySecret::KeyNotFound => {
            format!("{field}: found no key {key} in Secret {name}. Add it, or name the key that holds the {holds}")
        }
    };
    Err(Reason::new(reasons::KEY_NOT_FOUND, missing))
}
