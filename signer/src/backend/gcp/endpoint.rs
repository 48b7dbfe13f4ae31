//! The address of KMS.

use crate::{
    backend::address::{Address, EXPECTED, shown},
    settings::{ConfigError, Setting, text},
};

/// An address other than Google's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// With the scheme.
    pub url: String,
    /// Plain HTTP on this host, for a test. No real credentials are sent there.
    pub is_anonymous: bool,
}

/// Checks `ATTO_SIGNER_GCP_ENDPOINT`.
pub fn read(value: Setting<'_>) -> Result<Option<Endpoint>, ConfigError> {
    const VARIABLE: &str = "ATTO_SIGNER_GCP_ENDPOINT";
    let Some(text) = text(VARIABLE, value, EXPECTED)? else {
        return Ok(None);
    };
    let Address { url, is_plain, .. } =
        Address::parse(text).ok_or_else(|| ConfigError::new(VARIABLE, shown(text), EXPECTED))?;
    Ok(Some(Endpoint {
        url,
        is_anonymous: is_plain,
    }))
}

#[cfg(test)]
mod tests {
    #[test]
    fn only_plain_http_on_this_machine_is_anonymous_and_elsewhere_it_is_refused() {
        let read = |text: &str| super::read(Some(&text.into())).ok().flatten();
        for local in ["http://127.0.0.1:1234", "http://localhost:1", "http://[::1]:80/"] {
            assert_eq!(read(local).map(|endpoint| endpoint.is_anonymous), Some(true), "{local}");
        }
        for elsewhere in ["https://cloudkms.example.com", "https://localhost:1"] {
            assert_eq!(
                read(elsewhere).map(|endpoint| endpoint.is_anonymous),
                Some(false),
                "{elsewhere}"
            );
        }
        for wrong in [
            "http://10.0.0.1",
            "http://localhost.example.com",
            "localhost:1",
            "ftp://x",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
