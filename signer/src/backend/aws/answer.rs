//! Checks an answer of KMS before the signature itself is verified. KMS sends no checksums.

use aws_sdk_kms::{operation::sign::SignOutput, types::SigningAlgorithmSpec};

use super::{fault::failed_check, key_arn::KeyArn};
use crate::{
    backend::{fault::Fault, signing::Signature},
    one_line::cut,
};

/// Maximum length of a name; a message contains two.
const SHOWN: usize = 110;

/// Pure Ed25519, over the bytes themselves. `ED25519_PH_SHA_512` is a different signature, over a digest.
pub const ALGORITHM: SigningAlgorithmSpec = SigningAlgorithmSpec::Ed25519Sha512;

pub fn check(answer: &SignOutput, key: &KeyArn) -> Result<Signature, Fault> {
    is_of(answer.key_id(), key)?;
    if answer.signing_algorithm() != Some(&ALGORITHM) {
        let found = answer.signing_algorithm().map_or("none", SigningAlgorithmSpec::as_str);
        return Err(failed_check(format!(
            "KMS answered with the algorithm {}, expected {}",
            cut(found, SHOWN),
            ALGORITHM.as_str()
        )));
    }
    let signature = answer.signature().map(AsRef::as_ref).unwrap_or_default();
    Signature::try_from(signature).map_err(|_| {
        failed_check(format!(
            "KMS returned a signature of {} bytes, expected 64",
            signature.len()
        ))
    })
}

/// Whether an answer names this key.
pub fn is_of(found: Option<&str>, key: &KeyArn) -> Result<(), Fault> {
    match found {
        Some(found) if found == key.as_str() => Ok(()),
        found => Err(failed_check(format!(
            "found an answer for {}, expected one for {}",
            found.map_or_else(|| "no key".to_owned(), |found| cut(found, SHOWN)),
            cut(key.as_str(), SHOWN)
        ))),
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_kms::primitives::Blob;

    use super::*;

    const KEY: &str = "arn:aws:kms:eu-central-1:123456789012:key/voter";

    fn key() -> KeyArn {
        KeyArn::read(Some(&KEY.into())).unwrap()
    }

    fn answer(key: &str, signature: &[u8], algorithm: &str) -> SignOutput {
        SignOutput::builder()
            .key_id(key)
            .signature(Blob::new(signature))
            .signing_algorithm(algorithm.into())
            .build()
    }

    #[test]
    fn a_signature_of_this_key_is_taken() {
        assert_eq!(check(&answer(KEY, &[7; 64], "ED25519_SHA_512"), &key()), Ok([7; 64]));
    }

    #[test]
    fn anything_that_does_not_add_up_is_not() {
        let other = KEY.replace("voter", "another");
        for (answer, text) in [
            (
                answer(&other, &[7; 64], "ED25519_SHA_512"),
                "found an answer for arn:aws:kms:eu-central-1:123456789012:key/another",
            ),
            (answer("", &[7; 64], "ED25519_SHA_512"), "expected one for arn"),
            (SignOutput::builder().build(), "found an answer for no key"),
            (SignOutput::builder().key_id(KEY).build(), "the algorithm none"),
            (
                answer(KEY, &[7; 64], "ED25519_PH_SHA_512"),
                "ED25519_PH_SHA_512, expected ED25519_SHA_512",
            ),
            (answer(KEY, &[7; 64], "ECDSA_SHA_256"), "ECDSA_SHA_256, expected"),
            (answer(KEY, &[7; 64], "x\nforged"), "x forged, expected"),
            (answer(KEY, &[7; 63], "ED25519_SHA_512"), "63 bytes"),
            (answer(KEY, &[], "ED25519_SHA_512"), "0 bytes"),
        ] {
            let fault = check(&answer, &key()).unwrap_err();
            assert!(
                fault.to_string().starts_with("CHECK: ") && fault.to_string().contains(text),
                "{fault}"
            );
        }
    }
}
