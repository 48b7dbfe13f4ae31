//! Answers of OpenBao and Vault: about a key, with a signature, or with an error.

use data_encoding::BASE64;

use super::MAX_COMPLAINT;
use crate::{
    backend::{
        LoadError, Loaded,
        vault::{answer::Signed, fault::classify, key::KeyVersion, public_key::Read},
    },
    one_line::{MAX_LENGTH, is_shown},
};

/// Any answer: shown text is short and on one line, and accepted data is the same after printing.
pub fn vault(bytes: &[u8]) -> bool {
    for status in [307, 400, 403, 404, 500, 503] {
        let text = classify(status, bytes).fault.text().to_owned();
        assert!(
            text.chars().count() <= MAX_LENGTH && text.chars().all(is_shown),
            "{text:?}"
        );
    }
    let key = KeyVersion {
        mount: "transit".to_owned(),
        name: "voter".to_owned(),
        version: 1,
    };
    let loaded = serde_json::from_slice::<Read>(bytes).ok().map(|read| read.load(&key));
    let is_key = match loaded {
        Some(Ok(Loaded { public_key, facts })) => {
            let again = format!(
                r#"{{"data":{{"type":"ed25519","latest_version":1,"keys":{{"1":{{"public_key":"{}"}}}}}}}}"#,
                BASE64.encode(&public_key.0)
            );
            let again = serde_json::from_str::<Read>(&again)
                .ok()
                .and_then(|read| read.load(&key).ok());
            assert_eq!(again.map(|loaded| loaded.public_key), Some(public_key));
            assert!(facts.iter().all(|fact| fact.len() <= MAX_COMPLAINT), "{facts:?}");
            true
        }
        Some(Err(LoadError::Never(text))) => {
            assert!(text.len() <= MAX_COMPLAINT && text.chars().all(is_shown), "{text:?}");
            false
        }
        Some(Err(LoadError::Fault(_))) | None => false,
    };
    let signed = serde_json::from_slice::<Signed>(bytes).ok();
    let signature = signed.and_then(|signed| signed.signature(1).ok());
    if let Some(signature) = signature {
        let again = format!(r#"{{"data":{{"signature":"vault:v1:{}"}}}}"#, BASE64.encode(&signature));
        let again = serde_json::from_str::<Signed>(&again).ok();
        assert_eq!(again.and_then(|signed| signed.signature(1).ok()), Some(signature));
    }
    is_key || signature.is_some()
}
