//! The checksum of an address, which the schema cannot compute. A signer does not start with a mistyped address.

use blake2::digest::consts::U5;
use blake2::{Blake2b, Digest};
use crds::SignerBindingSpec;
use crds::conditions::reasons;
use data_encoding::BASE32_NOPAD;

use crate::model::reason::Reason;

const SCHEME: &str = "atto://";
/// Algorithm, public key, checksum.
const LENGTH: usize = 1 + 32 + 5;

/// Whether each address in the binding is valid.
pub fn are_addresses(spec: &SignerBindingSpec) -> Result<(), Reason> {
    let expected = spec.key.expected_address.as_ref();
    let expected = expected.map(|address| ("spec.key.expectedAddress".to_owned(), address));
    let policy = spec.policy.as_ref();
    let representative = policy.and_then(|policy| policy.representative.as_ref());
    let representative = representative.map(|address| ("spec.policy.representative".to_owned(), address));
    let receivers = policy
        .into_iter()
        .flat_map(|policy| policy.allowed_receivers.iter().flatten());
    let receivers = receivers
        .enumerate()
        .map(|(index, address)| (format!("spec.policy.allowedReceivers[{index}]"), address));
    let mut all = expected.into_iter().chain(representative).chain(receivers);
    match all.find(|(_, address)| !is_address(address)) {
        None => Ok(()),
        Some((field, address)) => Err(Reason::new(
            reasons::INVALID,
            format!(
                "{field}: found {address}, expected an Atto address whose checksum matches its key. The signer does not start with this one. Copy the address again from its source"
            ),
        )),
    }
}

fn is_address(text: &str) -> bool {
    let encoded = text.strip_prefix(SCHEME).unwrap_or_default().to_ascii_uppercase();
    let Ok(bytes) = BASE32_NOPAD.decode(encoded.as_bytes()) else {
        return false;
    };
    let (key, checksum) = bytes.split_at(bytes.len().min(LENGTH - 5));
    bytes.len() == LENGTH && Blake2b::<U5>::digest(key).as_slice() == checksum
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const GOOD: &str = "atto://aa5wuj54z23killcuounaktpbvzwkmqvo4o6eq5ghlaerimllhnctwl5g2ekm";
    const MISTYPED: &str = "atto://aa5wuj54z23killcuounaktpbvzwkmqvo4o6eq5ghlaerimllhnctwl5g2eka";

    #[test]
    fn a_mistyped_address_is_told_with_its_field() {
        let told = |expected: &str, receiver: &str, representative: &str| {
            let spec = serde_json::from_value(json!({
                "target": {"name": "voter"}, "capabilities": ["VOTE"], "tokenSecretRef": {"name": "t", "key": "k"},
                "key": {"local": {"secretRef": {"name": "s", "key": "k"}}, "expectedAddress": expected},
                "policy": {"allowedReceivers": [GOOD, receiver], "representative": representative},
            }));
            are_addresses(&spec.unwrap()).err().map(|reason| reason.message)
        };
        assert_eq!(told(GOOD, GOOD, GOOD), None);
        for (message, field) in [
            (told(MISTYPED, GOOD, GOOD), "spec.key.expectedAddress"),
            (told(GOOD, MISTYPED, GOOD), "spec.policy.allowedReceivers[1]"),
            (told(GOOD, GOOD, MISTYPED), "spec.policy.representative"),
        ] {
            let message = message.unwrap_or_default();
            assert!(
                message.starts_with(&format!("{field}: found {MISTYPED}, ")),
                "{message}"
            );
        }
        for wrong in ["", "atto://", "atto://aa", &GOOD[1..], &format!("{GOOD}aaaaaaaa")] {
            assert!(!is_address(wrong), "{wrong}");
        }
    }
}
