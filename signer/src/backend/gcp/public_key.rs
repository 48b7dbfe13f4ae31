//! The public key as KMS returns it: PEM, SPKI, Ed25519.

use data_encoding::BASE64;
use google_cloud_kms::model::{PublicKey as Answer, crypto_key_version::CryptoKeyVersionAlgorithm};

use super::{fault::failed_check, name};
use crate::{
    backend::{spki, vendor::LoadError},
    one_line::cut,
    protocol::PublicKey,
};

const BEGIN: &str = "-----BEGIN PUBLIC KEY-----";
const END: &str = "-----END PUBLIC KEY-----";

pub fn read(answer: &Answer, key_version: &str) -> Result<PublicKey, LoadError> {
    if answer.algorithm != CryptoKeyVersionAlgorithm::EcSignEd25519 {
        let found = cut(answer.algorithm.name().unwrap_or("of an unknown name"), 60);
        return Err(LoadError::Never(format!(
            "found a key version with the algorithm {found}, expected EC_SIGN_ED25519; create a key with \
             `gcloud kms keys create KEY --keyring=RING --location=LOCATION --purpose=asymmetric-signing \
             --default-algorithm=ec-sign-ed25519` and set ATTO_SIGNER_KEY to its version"
        )));
    }
    if answer.name != key_version {
        let text = name::mismatch(&answer.name, key_version);
        // This is not a transport error, so a later answer will be the same.
        if name::is_project_written_otherwise(&answer.name, key_version) {
            return Err(LoadError::Never(text));
        }
        return Err(failed_check(text).into());
    }
    if answer.pem_crc32c != Some(i64::from(crc32c::crc32c(answer.pem.as_bytes()))) {
        let text = "the public key that KMS returned does not match its checksum";
        return Err(failed_check(text.to_owned()).into());
    }
    let key = from_pem(&answer.pem)
        .ok_or_else(|| failed_check("KMS returned no PEM of an Ed25519 public key (44 bytes of DER)".to_owned()))?;
    Ok(key)
}

/// The key in a PEM with 44 bytes of DER.
pub fn from_pem(pem: &str) -> Option<PublicKey> {
    let text = pem.trim().strip_prefix(BEGIN)?.strip_suffix(END)?;
    let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    spki::from_der(&BASE64.decode(&digits).ok()?)
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
        spki::to_der(PublicKey(key()))
    }

    #[test]
    fn the_key_is_read_from_its_pem() {
        assert_eq!(read(&answer(&pem(&der())), NAME), Ok(PublicKey(key())));
    }

    #[test]
    fn another_algorithm_is_told_from_a_broken_answer() {
        let other = answer(&pem(&der())).set_algorithm(CryptoKeyVersionAlgorithm::EcSignP256Sha256);
        let Err(LoadError::Never(says)) = read(&other, NAME) else {
            panic!("it will never sign");
        };
        assert!(
            says.starts_with("found a key version with the algorithm EC_SIGN_P256_SHA256, expected EC_SIGN_ED25519; ")
        );
        let mut longer = der();
        longer.push(0);
        let by_number = answer(&pem(&der())).set_name(NAME.replace("projects/p/", "projects/1/"));
        let Err(LoadError::Never(says)) = read(&by_number, NAME) else {
            panic!("it will never be named otherwise");
        };
        assert!(
            says.ends_with(&format!("set ATTO_SIGNER_KEY to {}", by_number.name)),
            "{says}"
        );
        for broken in [
            answer(&pem(&der())).set_pem_crc32c(1),
            answer(&pem(&der())).set_name("projects/other"),
            answer(&pem(&longer)),
            answer(&pem(&key())),
            answer("no PEM"),
        ] {
            assert!(matches!(read(&broken, NAME), Err(LoadError::Fault(_))));
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
