//! Checks an answer of the key service before the signature itself is verified.

use data_encoding::BASE64;
use serde::Deserialize;

use super::fault::failed_check;
use crate::{
    backend::{fault::Fault, signing::Signature},
    one_line::cut,
};

/// The answer to a signature request.
#[derive(Deserialize)]
pub struct Signed {
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    signature: String,
}

impl Signed {
    /// The 64 bytes of `vault:vN:…`, if it names this version of the key.
    pub fn signature(&self, version: u32) -> Result<Signature, Fault> {
        let text = &self.data.signature;
        let (found, signature) = text
            .strip_prefix("vault:v")
            .and_then(|rest| rest.split_once(':'))
            .ok_or_else(|| failed_check("the signature that was returned does not start with vault:v and a version"))?;
        if found != version.to_string() {
            return Err(failed_check(format!(
                "found a signature of version {}, expected one of version {version}, which was asked for",
                cut(found, 20)
            )));
        }
        let bytes = BASE64
            .decode(signature.as_bytes())
            .map_err(|_| failed_check("the signature that was returned is not base64"))?;
        Signature::try_from(bytes.as_slice()).map_err(|_| {
            failed_check(format!(
                "a signature of {} bytes was returned, expected 64",
                bytes.len()
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::fault::Cause;

    fn read(signature: &str) -> Result<Signature, Fault> {
        let data = Data {
            signature: signature.to_owned(),
        };
        Signed { data }.signature(2)
    }

    #[test]
    fn only_a_signature_of_the_version_that_was_asked_for_is_one() {
        let good = BASE64.encode(&[7; 64]);
        assert_eq!(read(&format!("vault:v2:{good}")), Ok([7; 64]));
        for wrong in [
            format!("vault:v1:{good}"),
            format!("vault:v02:{good}"),
            format!("vault:v22:{good}"),
            format!("vault:2:{good}"),
            good.clone(),
            String::new(),
            "vault:v2:".to_owned(),
            format!("vault:v2:{}", BASE64.encode(&[7; 63])),
            format!("vault:v2:{}", BASE64.encode(&[7; 65])),
            format!("vault:v2:{good}\n"),
            format!("vault:v2:{}", good.replace('=', "")),
            format!("vault:v{}:{good}", "9".repeat(900)),
        ] {
            let fault = read(&wrong).unwrap_err();
            assert_eq!(fault.cause, Cause::Check, "{wrong}");
        }
    }
}
