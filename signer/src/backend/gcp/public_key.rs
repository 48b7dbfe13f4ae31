//! The public key as KMS returns it: PEM, SPKI, Ed25519.

use data_encoding::BASE64;
use ed25519_dalek::VerifyingKey;
use google_cloud_kms::model::{PublicKey as Answer, crypto_key_version::CryptoKeyVersionAlgorithm};
use thiserror::Error;

use super::fault::failed_check;
use crate::{backend::fault::Fault, protocol::PublicKey};

/// What the DER of an Ed25519 public key starts with; 32 bytes follow, which makes 44.
const PREFIX: [u8; 12] = [0x30, 0x2A, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x03, 0x21, 0x00];
const BEGIN: &str = "-----BEGIN PUBLIC KEY-----";
const END: &str = "-----END PUBLIC KEY-----";

/// The public key was not to be had.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum PublicKeyError {
    /// It may be there later.
    #[error("{0}")]
    Fault(#[from] Fault),
    /// It will never do: it is a key of another kind.
    #[error(
        "found a key version with the algorithm {0}, expected EC_SIGN_ED25519; create a key with \
         `gcloud kms keys create KEY --keyring=RING --location=LOCATION --purpose=asymmetric-signing \
         --default-algorithm=ec-sign-ed25519` and set ATTO_SIGNER_KEY to its version"
    )]
    Algorithm(String),
}

pub fn read(answer: &Answer, name: &str) -> Result<PublicKey, PublicKeyError> {
    if answer.algorithm != CryptoKeyVersionAlgorithm::EcSignEd25519 {
        let found = answer.algorithm.name().unwrap_or("of an unknown name");
        return Err(PublicKeyError::Algorithm(found.to_owned()));
    }
    if answer.name != name {
        let text = format!("KMS returned the public key of {:?}, expected {name:?}", answer.name);
        return Err(failed_check(text).into());
    }
    if answer.pem_crc32c != Some(i64::from(crc32c::crc32c(answer.pem.as_bytes()))) {
        let text = "the public key that KMS returned does not have its checksum";
        return Err(failed_check(text.to_owned()).into());
    }
    let key = from_pem(&answer.pem)
        .ok_or_else(|| failed_check("KMS returned no PEM of an Ed25519 public key (44 bytes of DER)".to_owned()))?;
    Ok(key)
}

/// The key of a PEM with 44 bytes of DER.
pub fn from_pem(pem: &str) -> Option<PublicKey> {
    let text = pem.trim().strip_prefix(BEGIN)?.strip_suffix(END)?;
    let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let der = BASE64.decode(&digits).ok()?;
    let key: [u8; 32] = der.strip_prefix(&PREFIX)?.try_into().ok()?;
    VerifyingKey::from_bytes(&key).ok()?;
    Some(PublicKey(key))
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::SigningKey;
    use proptest::prelude::*;

    use super::*;

    const NAME: &str = "projects/p/locations/l/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1";

    fn pem(der: &[u8]) -> String {
        format!("{BEGIN}\n{}\n{END}\n", BASE64.encode(der))
    }

    fn answer(pem: &str) -> Answer {
        Answer::new()
            .set_name(NAME)
            .set_algorithm(CryptoKeyVersionAlgorithm::EcSignEd25519)
            .set_pem(pem)
            .set_pem_crc32c(i64::from(crc32c::crc32c(pem.as_bytes())))
    }

    fn key() -> [u8; 32] {
        SigningKey::from_bytes(&[3; 32]).verifying_key().to_bytes()
    }

    fn der() -> Vec<u8> {
        [PREFIX.as_slice(), &key()].concat()
    }

    #[test]
    fn the_key_is_read_from_its_pem() {
        assert_eq!(read(&answer(&pem(&der())), NAME), Ok(PublicKey(key())));
    }

    #[test]
    fn another_algorithm_is_told_from_a_broken_answer() {
        let other = answer(&pem(&der())).set_algorithm(CryptoKeyVersionAlgorithm::EcSignP256Sha256);
        assert_eq!(
            read(&other, NAME),
            Err(PublicKeyError::Algorithm("EC_SIGN_P256_SHA256".to_owned()))
        );
        let mut longer = der();
        longer.push(0);
        for broken in [
            answer(&pem(&der())).set_pem_crc32c(1),
            answer(&pem(&der())).set_name("projects/other"),
            answer(&pem(&longer)),
            answer(&pem(&key())),
            answer("no PEM"),
        ] {
            assert!(matches!(read(&broken, NAME), Err(PublicKeyError::Fault(_))));
        }
    }

    proptest! {
        #[test]
        fn no_text_is_a_panic(text in ".{0,200}") {
            let _ = from_pem(&text);
            let _ = from_pem(&format!("{BEGIN}{text}{END}"));
        }
    }
}
