//! The shared token: whether it is usable, and a fingerprint that makes the template follow it.

use std::collections::HashMap;
use std::sync::Arc;

use argon2::{Algorithm, Argon2, Block, Params, Version};
use crds::SecretKeyRef;
use data_encoding::HEXLOWER;
use k8s_openapi::api::core::v1::Secret;
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;

use crate::model::observed::Token;

/// Shorter tokens can be guessed and are refused.
pub const MINIMUM_BYTES: usize = 16;

/// Shorter tokens are used, with a warning.
pub const ADVISED_BYTES: usize = 32;

/// Fingerprints by Secret and key. A token is hashed once per version of its Secret, and one at a time, because the hash is slow
/// and needs much memory by design.
#[derive(Clone, Default)]
pub struct Fingerprints(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    known: HashMap<(String, SecretKeyRefKey), Known>,
    hasher: Hasher,
}

type SecretKeyRefKey = (String, String);

struct Known {
    uid: String,
    resource_version: String,
    token: Token,
}

impl Fingerprints {
    /// The state of the token in this Secret.
    pub async fn observe(
        &self,
        namespace: &str,
        reference: &SecretKeyRef,
        secret: Option<Secret>,
        examine: fn(&mut Hasher, &str, &SecretKeyRef, &Secret) -> Token,
    ) -> Token {
        let key = (namespace.to_owned(), (reference.name.clone(), reference.key.clone()));
        let mut state = self.0.lock().await;
        let State { known, hasher } = &mut *state;
        let Some(secret) = secret else {
            known.remove(&key);
            return Token::SecretNotFound;
        };
        let uid = secret.metadata.uid.clone().unwrap_or_default();
        let resource_version = secret.metadata.resource_version.clone().unwrap_or_default();
        if let Some(found) = known.get(&key)
            && found.uid == uid
            && found.resource_version == resource_version
        {
            return found.token.clone();
        }
        let token = examine(hasher, namespace, reference, &secret);
        known.insert(
            key,
            Known {
                uid,
                resource_version,
                token: token.clone(),
            },
        );
        token
    }
}

impl Fingerprints {
    /// Keeps the fingerprints of these Secrets, by namespace and name. After a rotation, the old one is not needed.
    pub async fn retain(&self, is_named: impl Fn(&str, &str) -> bool) {
        let mut state = self.0.lock().await;
        state
            .known
            .retain(|(namespace, (name, _)), _| is_named(namespace, name));
    }
}

/// Checks the value, and keeps only a fingerprint of it.
pub fn examine(hasher: &mut Hasher, namespace: &str, reference: &SecretKeyRef, secret: &Secret) -> Token {
    let Some(value) = secret.data.as_ref().and_then(|data| data.get(&reference.key)) else {
        return Token::KeyNotFound;
    };
    let value = value.0.as_slice();
    match value.len() {
        0 => Token::Empty,
        bytes if bytes < MINIMUM_BYTES => Token::Weak { bytes },
        // The node sends it in a header, which cannot contain a newline. A trailing newline is a common mistake with `echo |
        // base64`.
        _ if !value.iter().all(u8::is_ascii_graphic) => Token::Invalid,
        bytes => hasher
            .fingerprint(namespace, reference, value)
            .map_or(Token::Invalid, |fingerprint| Token::Found { fingerprint, bytes }),
    }
}

/// Reuses its 8 MiB. Allocating them for each token would fragment memory and use many times as much for hundreds of tokens.
#[derive(Default)]
pub struct Hasher(Vec<Block>);

impl Hasher {
    /// argon2id, 8 MiB, two passes: a person who can read pod templates cannot guess tokens quickly. The salt is derived from the
    /// names alone, so that the same token gives the same template after a restart of the operator.
    fn fingerprint(&mut self, namespace: &str, reference: &SecretKeyRef, token: &[u8]) -> Option<String> {
        let salt = Sha256::digest(format!("{namespace}/{}/{}", reference.name, reference.key));
        let parameters = Params::new(8 * 1024, 2, 1, Some(16)).ok()?;
        self.0.resize(parameters.block_count(), Block::default());
        let mut output = [0; 16];
        Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters)
            .hash_password_into_with_memory(token, &salt, &mut output, &mut self.0)
            .ok()?;
        Some(HEXLOWER.encode(&output))
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::ByteString;

    use super::*;

    fn reference() -> SecretKeyRef {
        SecretKeyRef {
            name: "token".into(),
            key: "value".into(),
        }
    }

    fn secret(value: &str) -> Secret {
        Secret {
            data: Some([("value".to_owned(), ByteString(value.as_bytes().to_vec()))].into()),
            ..Secret::default()
        }
    }

    #[test]
    fn refuses_what_cannot_be_a_token() {
        let of = |value| examine(&mut Hasher::default(), "ns", &reference(), &secret(value));
        assert_eq!(of(""), Token::Empty);
        assert_eq!(of("fifteen-bytes-x"), Token::Weak { bytes: 15 });
        assert_eq!(of("sixteen bytes xx"), Token::Invalid);
        assert_eq!(of("0123456789abcdef\n"), Token::Invalid);
        let nothing = examine(&mut Hasher::default(), "ns", &reference(), &Secret::default());
        assert_eq!(nothing, Token::KeyNotFound);
    }

    #[tokio::test]
    async fn a_secret_that_no_binding_names_is_forgotten() {
        let fingerprints = Fingerprints::default();
        for namespace in ["a", "b"] {
            let secret = Some(secret("0123456789abcdef"));
            fingerprints.observe(namespace, &reference(), secret, examine).await;
        }
        fingerprints
            .retain(|namespace, name| namespace == "b" && name == "token")
            .await;
        let state = fingerprints.0.lock().await;
        let left: Vec<_> = state.known.keys().map(|(namespace, _)| namespace.as_str()).collect();
        assert_eq!(left, ["b"]);
    }

    #[test]
    fn fingerprint_follows_the_token_and_its_place_and_is_not_the_token() {
        let mut hasher = Hasher::default();
        let mut of = |namespace, value| examine(&mut hasher, namespace, &reference(), &secret(value));
        let token = of("ns", "0123456789abcdef");
        assert_eq!(token, of("ns", "0123456789abcdef"));
        assert_ne!(token, of("ns", "0123456789abcdeg"));
        assert_ne!(token, of("other", "0123456789abcdef"));
        assert!(!format!("{token:?}").contains("0123456789abcdef"));
    }
}
