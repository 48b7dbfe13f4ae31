//! The public key as the transit engine returns it: 32 bytes in base64, with the key's type.

use std::collections::BTreeMap;

use data_encoding::BASE64;
use ed25519_dalek::VerifyingKey;
use serde::Deserialize;
use serde_json::Value;

use super::{fault::failed_check, key::KeyVersion};
use crate::{
    backend::{
        fault::{Cause, Fault},
        vendor::{LoadError, Loaded},
    },
    one_line::cut,
    protocol::PublicKey,
};

/// The answer about a key.
#[derive(Deserialize)]
pub struct Read {
    data: Key,
}

#[derive(Deserialize)]
#[allow(clippy::struct_excessive_bools, reason = "so the API has them")]
struct Key {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    derived: bool,
    #[serde(default)]
    exportable: bool,
    #[serde(default)]
    allow_plaintext_backup: bool,
    #[serde(default)]
    soft_deleted: bool,
    #[serde(default)]
    latest_version: u32,
    /// Older versions are not returned and cannot be used.
    #[serde(default)]
    min_decryption_version: u32,
    /// Older versions cannot sign. With 0, only the newest version is used by default.
    #[serde(default)]
    min_encryption_version: u32,
    /// Older versions are deleted.
    #[serde(default)]
    min_available_version: u32,
    /// For keys without a public half, the values are numbers.
    #[serde(default)]
    keys: BTreeMap<String, Value>,
}

impl Read {
    /// The public key of this version, if it can be a voter's.
    pub fn load(&self, key: &KeyVersion) -> Result<Loaded, LoadError> {
        self.data.is_of_the_right_kind(key)?;
        self.data.is_usable(key)?;
        Ok(Loaded {
            public_key: self.data.public_key(key.version)?,
            facts: self.data.facts(key.version),
        })
    }
}

impl Key {
    fn is_of_the_right_kind(&self, key: &KeyVersion) -> Result<(), LoadError> {
        let KeyVersion { mount, .. } = key;
        let found = if self.kind != "ed25519" {
            format!("a key of the type {}", cut(&self.kind, 40))
        } else if self.derived {
            "a key with derivation (derived=true), which signs with another key for each context".to_owned()
        } else {
            return Ok(());
        };
        Err(LoadError::Never(format!(
            "found {found}, expected the type ed25519 without derivation; create a key with `bao write -f {mount}/keys/NAME type=ed25519` \
             and set ATTO_SIGNER_KEY to {mount}/keys/NAME/versions/1"
        )))
    }

    fn is_usable(&self, KeyVersion { mount, name, version }: &KeyVersion) -> Result<(), Fault> {
        let fault = |cause, text: String| Err(Fault::new(cause, text));
        if self.soft_deleted {
            return fault(
                Cause::FailedPrecondition,
                format!("the key {name} is deleted and can still be restored"),
            );
        }
        if *version > self.latest_version {
            let text = format!(
                "found the versions 1 to {} of {mount}/keys/{name}, expected version {version}",
                self.latest_version
            );
            return fault(Cause::NotFound, text);
        }
        if *version < self.min_available_version {
            let text = format!("version {version} of {mount}/keys/{name} was trimmed away (min_available_version)");
            return fault(Cause::NotFound, text);
        }
        for (setting, value) in [
            ("min_decryption_version", self.min_decryption_version),
            ("min_encryption_version", self.min_encryption_version),
        ] {
            if *version < value {
                let text = format!(
                    "version {version} of {mount}/keys/{name} is below its {setting}, {value}: it signs nothing"
                );
                return fault(Cause::FailedPrecondition, text);
            }
        }
        Ok(())
    }

    fn public_key(&self, version: u32) -> Result<PublicKey, Fault> {
        let text = self
            .keys
            .get(&version.to_string())
            .and_then(|key| key.get("public_key"))
            .and_then(Value::as_str)
            .ok_or_else(|| {
                failed_check(format!(
                    "an answer about a key without the public key of version {version}"
                ))
            })?;
        let bytes = BASE64.decode(text.as_bytes()).ok();
        let bytes: Option<[u8; 32]> = bytes.and_then(|bytes| bytes.try_into().ok());
        bytes
            .filter(|bytes| VerifyingKey::from_bytes(bytes).is_ok_and(|key| !key.is_weak()))
            .map(PublicKey)
            .ok_or_else(|| failed_check("the public key that was returned is not an Ed25519 key of 32 bytes in base64"))
    }

    fn facts(&self, version: u32) -> Vec<String> {
        let mut facts = vec!["readable".to_owned(), "type ed25519 without derivation".to_owned()];
        if self.latest_version > version {
            facts.push(format!(
                "version {} is the newest; {version} is pinned and continues to sign",
                self.latest_version
            ));
        }
        if self.exportable || self.allow_plaintext_backup {
            facts.push(
                "WARNING: the private key can be exported from the server (exportable or allow_plaintext_backup), which cannot be undone".to_owned(),
            );
        }
        facts
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const PUBLIC_KEY: &str = "wYD7cDBwjjcxqZmcwFNERpY/XvBqZM4m5l7jhDdIxuM=";

    fn load(version: u32, changes: &Value) -> Result<Loaded, LoadError> {
        let mut data = json!({
            "type": "ed25519", "derived": false, "latest_version": 2, "min_decryption_version": 1, "min_encryption_version": 0,
            "min_available_version": 0, "exportable": false,
            "keys": { "1": { "public_key": PUBLIC_KEY }, "2": { "public_key": "twNFWkJfCAZu0WEK8fsw+CNShlduQuyelH5uuuza9zA=" } },
        });
        for (name, value) in changes.as_object().unwrap() {
            data[name] = value.clone();
        }
        let read: Read = serde_json::from_value(json!({ "data": data })).unwrap();
        read.load(&KeyVersion::parse(&format!("transit/keys/voter/versions/{version}")).unwrap())
    }

    #[test]
    fn a_newer_version_and_a_key_that_may_leave_are_told() {
        let pinned = load(1, &json!({})).unwrap();
        assert_eq!(
            pinned.public_key.0.as_slice(),
            BASE64.decode(PUBLIC_KEY.as_bytes()).unwrap()
        );
        assert_eq!(
            pinned.facts[2],
            "version 2 is the newest; 1 is pinned and continues to sign"
        );
        let newest = load(2, &json!({})).unwrap();
        assert_ne!(newest.public_key, pinned.public_key);
        assert_eq!(newest.facts.len(), 2);
        let exportable = load(2, &json!({ "exportable": true })).unwrap();
        assert!(exportable.facts[2].starts_with("WARNING"));
    }

    #[test]
    fn a_key_that_can_never_do_is_told_apart_from_one_that_may() {
        for never in [
            json!({ "type": "ecdsa-p256" }),
            json!({ "type": "rsa-2048" }),
            json!({ "type": "aes256-gcm96", "keys": { "1": 1_795_988_433 } }),
            json!({ "derived": true, "keys": { "1": { "public_key": "" } } }),
        ] {
            let Err(LoadError::Never(text)) = load(1, &never) else {
                panic!("{never}")
            };
            assert!(text.contains("bao write -f transit/keys/NAME type=ed25519"), "{text}");
        }
        for (version, changes, cause) in [
            (3, json!({}), Cause::NotFound),
            (1, json!({ "min_available_version": 2 }), Cause::NotFound),
            (1, json!({ "min_decryption_version": 2 }), Cause::FailedPrecondition),
            (1, json!({ "min_encryption_version": 2 }), Cause::FailedPrecondition),
            (1, json!({ "soft_deleted": true }), Cause::FailedPrecondition),
            (1, json!({ "keys": {} }), Cause::Check),
            (1, json!({ "keys": { "1": { "public_key": "" } } }), Cause::Check),
            (
                1,
                json!({ "keys": { "1": { "public_key": BASE64.encode(&[0; 32]) } } }),
                Cause::Check,
            ),
            (
                1,
                json!({ "keys": { "1": { "public_key": BASE64.encode(&[2; 31]) } } }),
                Cause::Check,
            ),
            (1, json!({ "keys": { "1": { "public_key": 7 } } }), Cause::Check),
        ] {
            let Err(LoadError::Fault(fault)) = load(version, &changes) else {
                panic!("{changes}")
            };
            assert_eq!(fault.cause, cause, "{changes}: {fault}");
        }
    }
}
