//! Decides whether the token can be used.

use crds::SecretKeyRef;
use crds::conditions::reasons;

use crate::controller::token::{ADVISED_BYTES, MINIMUM_BYTES};
use crate::model::observed::Token;
use crate::model::reason::Reason;

/// A usable token, with its message.
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
                "spec.tokenSecretRef: found no Secret {name} in this namespace. For a new voter, create it with a token under {key} (`signer token generate` prints one). For a voter that has run, create one with a new name and name it here, so that node and signer get the token together"
            ),
        )),
        Token::KeyNotFound => Err(Reason::new(
            reasons::SECRET_KEY_NOT_FOUND,
            format!(
                "spec.tokenSecretRef: found no key {key} in Secret {name}. Add it, or name the key that holds the token"
            ),
        )),
        Token::Empty => Err(Reason::new(
            reasons::TOKEN_EMPTY,
            format!(
                "spec.tokenSecretRef: key {key} of Secret {name} is empty. Put a token there (`signer token generate` prints one)"
            ),
        )),
        Token::Weak { bytes } => Err(Reason::new(
            reasons::TOKEN_WEAK,
            format!(
                "spec.tokenSecretRef: key {key} of Secret {name} has {bytes} bytes, expected at least {MINIMUM_BYTES} and preferably {ADVISED_BYTES}. Use a longer token (`signer token generate` prints one)"
            ),
        )),
        Token::Invalid => Err(Reason::new(
            reasons::TOKEN_INVALID,
            format!(
                "spec.tokenSecretRef: key {key} of Secret {name} has a blank, a newline or another byte that cannot be sent in an HTTP header. Use visible ASCII only (`kubectl create secret generic --from-literal` adds no newline)"
            ),
        )),
    }
}

fn found(name: &str, key: &str, bytes: usize) -> Reason {
    if bytes < ADVISED_BYTES {
        Reason::new(
            reasons::TOKEN_SHORT,
            format!(
                "Key {key} of Secret {name}: found {bytes} bytes, expected at least {ADVISED_BYTES}. The token is used; a longer one is safer"
            ),
        )
    } else {
        Reason::new(
            reasons::TOKEN_FOUND,
            format!("Key {key} of Secret {name} contains a token"),
        )
    }
}
