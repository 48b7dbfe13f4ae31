//! Checks an answer of KMS before the signature itself is verified.

use google_cloud_kms::model::AsymmetricSignResponse;

use super::{fault::failed_check, name::mismatch};
use crate::backend::{fault::Fault, signing::Signature};

pub fn check(answer: &AsymmetricSignResponse, name: &str) -> Result<Signature, Fault> {
    if !answer.verified_data_crc32c {
        return Err(failed_check(
            "KMS did not confirm the checksum of the request".to_owned(),
        ));
    }
    if answer.name != name {
        return Err(failed_check(mismatch(&answer.name, name)));
    }
    let found = i64::from(crc32c::crc32c(&answer.signature));
    if answer.signature_crc32c != Some(found) {
        return Err(failed_check(
            "the signature that KMS returned does not match its checksum".to_owned(),
        ));
    }
    Signature::try_from(&*answer.signature).map_err(|_| {
        failed_check(format!(
            "KMS returned a signature of {} bytes, expected 64",
            answer.signature.len()
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "projects/p/locations/l/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1";

    fn answer(signature: &[u8]) -> AsymmetricSignResponse {
        AsymmetricSignResponse::new()
            .set_name(NAME)
            .set_signature(bytes::Bytes::copy_from_slice(signature))
            .set_signature_crc32c(i64::from(crc32c::crc32c(signature)))
            .set_verified_data_crc32c(true)
    }

    #[test]
    fn a_signature_that_arrived_whole_is_taken() {
        assert_eq!(check(&answer(&[7; 64]), NAME), Ok([7; 64]));
    }

    #[test]
    fn anything_that_does_not_add_up_is_not() {
        let good = || answer(&[7; 64]);
        let bad = [
            (good().set_verified_data_crc32c(false), "did not confirm"),
            (good().set_name("projects/other"), "expected"),
            (good().set_signature_crc32c(1), "checksum"),
            (good().set_or_clear_signature_crc32c(None::<i64>), "checksum"),
            (good().set_signature(bytes::Bytes::from_static(&[8; 64])), "checksum"),
            (answer(&[7; 63]), "63 bytes"),
        ];
        for (answer, text) in bad {
            let fault = check(&answer, NAME).unwrap_err();
            assert!(fault.to_string().contains(text), "{fault}");
        }
    }
}
