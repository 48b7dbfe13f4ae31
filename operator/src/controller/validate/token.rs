//! Whether the token can be used.

use crds::SecretKeyRef;
use crds::conditions::reasons;

use crate::controller::token::{ADVISED_BYTES, MINIMUM_BYTES};
use crate::model::observed::Token;
use crate::model::reason::Reason;

/// A token that can be used, and what is to be said about it.
pub struct Usable {
    pub fingerprint: String,
    pub state: Reason,
}

pub fn usable(reference: &SecretKeyRef, token: &Token) -> Result<Usable, Reason> {
    let SecretKeyRef { name, key } = reference;
    match token {
        Token::Found { fingerprint, bytes } => Ok(Usable {
            fingerprint: fingerprint.clone(),
            state: found(name, key, *bytes),
        }),
        Token::SecretNotFound => Err(Reason::new(
            reasons::SECRET_NOT_FOUND,
            format!(
                "spec.tokenSecretRef: there is no Secret {name} in this namespace; create it with a token under {key} (`signer token generate` prints one)"
            ),
        )),
        Token::KeyNotFound => Err(Reason::new(
            reasons::SECRET_KEY_NOT_FOUND,
            format!(
                "spec.tokenSecretRef: Secret {name} has no key {key}; add it, or name the key that holds the token"
            ),
        )),
        Token::Empty => Err(Reason::new(
            reasons::TOKEN_EMPTY,
            format!(
                "spec.tokenSecretRef: key {key} of Secret {name} is empty; put a token there (`signer token generate` prints one)"
            ),
        )),
        Token::Weak { bytes } => Err(Reason::new(
            reasons::TOKEN_WEAK,
            format!(
                "spec.tokenSecretRef: key {key} of Secret {name} has {bytes} bytes, expected at least {MINIMUM_BYTES} and better {ADVISED_BYTES}; use a longer token (`signer token generate` prints one)"
            ),
        )),
        Token::Invalid => Err(Reason::new(
            reasons::TOKEN_INVALID,
            format!(
                "spec.tokenSecretRef: key {key} of Secret {name} has a blank, a newline or another byte that cannot be sent in an HTTP header; use visible ASCII only (`kubectl create secret generic --from-literal` adds no newline)"
            ),
        )),
    }
}

fn found(name: &str, key: &str, bytes: usize) -> Reason {
    if bytes < ADVISED_BYTES {
        Reason::new(
            reasons::TOKEN_SHORT,
            format!("key {key} of Secret {name} has {bytes} bytes, which is used; {ADVISED_BYTES} are better"),
        )
    } else {
        Reason::new(
            reasons::TOKEN_FOUND,
            format!("key {key} of Secret {name} holds a token"),
        )
    }
}
