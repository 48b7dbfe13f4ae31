//! The public key as KMS returns it: 44 bytes of DER, with the key's usage.

use aws_sdk_kms::{
    operation::get_public_key::GetPublicKeyOutput,
    types::{KeySpec, KeyUsageType, SigningAlgorithmSpec},
};

use super::{
    answer::{ALGORITHM, is_of},
    fault::failed_check,
    key_arn::KeyArn,
};
use crate::{
    backend::{spki, vendor::LoadError},
    one_line::cut,
    protocol::PublicKey,
};

/// Maximum length of KMS' names for a key's properties.
const SHOWN: usize = 60;

pub fn read(answer: &GetPublicKeyOutput, key: &KeyArn) -> Result<PublicKey, LoadError> {
    is_of(answer.key_id(), key)?;
    let spec = answer.key_spec().map_or("none", KeySpec::as_str);
    if answer.key_spec() != Some(&KeySpec::EccNistEdwards25519) {
        return Err(never("the key spec", spec, "ECC_NIST_EDWARDS25519", key));
    }
    if answer.key_usage() != Some(&KeyUsageType::SignVerify) {
        let usage = answer.key_usage().map_or("none", KeyUsageType::as_str);
        return Err(never("the key usage", usage, "SIGN_VERIFY", key));
    }
    if !answer.signing_algorithms().contains(&ALGORITHM) {
        let algorithms: Vec<_> = answer
            .signing_algorithms()
            .iter()
            .map(SigningAlgorithmSpec::as_str)
            .collect();
        return Err(never(
            "the signing algorithms",
            &algorithms.join(", "),
            ALGORITHM.as_str(),
            key,
        ));
    }
    let der = answer.public_key().map(AsRef::as_ref).unwrap_or_default();
    spki::from_der(der).ok_or_else(|| {
        let text = format!(
            "KMS returned {} bytes, expected an Ed25519 public key (44 bytes of DER)",
            der.len()
        );
        failed_check(text).into()
    })
}

/// A key's properties never change.
fn never(what: &str, found: &str, expected: &str, key: &KeyArn) -> LoadError {
    LoadError::Never(format!(
        "found a key with {what} {}, expected {expected}; create one with `aws kms create-key --region {} --key-spec \
         ECC_NIST_EDWARDS25519 --key-usage SIGN_VERIFY` and set ATTO_SIGNER_KEY to its ARN",
        cut(found, SHOWN),
        key.region
    ))
}

#[cfg(test)]
mod tests {
    use aws_sdk_kms::{operation::get_public_key::builders::GetPublicKeyOutputBuilder, primitives::Blob};
    use ed25519_dalek::SigningKey;

    use super::*;

    const KEY: &str = "arn:aws:kms:eu-central-1:123456789012:key/voter";

    fn public_key() -> PublicKey {
        PublicKey(SigningKey::from_bytes(&[3; 32]).verifying_key().to_bytes())
    }

    fn answer(der: &[u8]) -> GetPublicKeyOutputBuilder {
        GetPublicKeyOutput::builder()
            .key_id(KEY)
            .key_spec(KeySpec::EccNistEdwards25519)
            .key_usage(KeyUsageType::SignVerify)
            .signing_algorithms("ED25519_PH_SHA_512".into())
            .signing_algorithms(ALGORITHM)
            .public_key(Blob::new(der))
    }

    fn read(answer: GetPublicKeyOutputBuilder) -> Result<PublicKey, LoadError> {
        super::read(&answer.build(), &KeyArn::read(Some(&KEY.into())).unwrap())
    }

    #[test]
    fn the_key_is_read_where_all_of_it_is_right() {
        let der = spki::to_der(public_key());
        assert_eq!(read(answer(&der)), Ok(public_key()));
        for never in [
            answer(&der).key_spec(KeySpec::EccNistP256),
            answer(&der).key_spec(KeySpec::Rsa2048),
            answer(&der).key_spec("SOMETHING\nNEW".into()),
            answer(&der).key_usage(KeyUsageType::KeyAgreement),
            answer(&der).set_signing_algorithms(Some(vec!["ED25519_PH_SHA_512".into()])),
            answer(&der).set_key_spec(None),
        ] {
            let Err(LoadError::Never(says)) = read(never) else {
                panic!("what a key is for never changes");
            };
            assert!(
                says.starts_with("found a key with the ") && says.contains("create-key --region eu-central-1"),
                "{says}"
            );
            assert!(!says.contains('\n'));
        }
        for fault in [
            answer(&der).key_id("arn:aws:kms:eu-central-1:123456789012:key/another"),
            answer(&der).set_key_id(None),
            answer(&der[..43]),
            answer(&public_key().0),
            answer(&der).set_public_key(None),
        ] {
            assert!(matches!(read(fault), Err(LoadError::Fault(_))));
        }
    }
}
