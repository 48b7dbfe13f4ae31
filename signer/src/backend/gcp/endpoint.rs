//! Where KMS is asked.

use crate::settings::{ConfigError, Setting, excerpt, text};

/// Another address than Google's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// With the scheme.
    pub url: String,
    /// Plain HTTP on this machine: a test. Nobody's credentials are sent there.
    pub is_anonymous: bool,
}

/// Checks `ATTO_SIGNER_GCP_ENDPOINT`.
pub fn read(value: Setting<'_>) -> Result<Option<Endpoint>, ConfigError> {
    const VARIABLE: &str = "ATTO_SIGNER_GCP_ENDPOINT";
    const EXPECTED: &str = "a URL that starts with https://, or with http:// and a loopback address (for tests)";
    let Some(text) = text(VARIABLE, value, EXPECTED)? else {
        return Ok(None);
    };
    let wrong = || ConfigError::new(VARIABLE, excerpt(text), EXPECTED);
    let uri: http::Uri = text.parse().map_err(|_| wrong())?;
    let host = uri.host().ok_or_else(wrong)?.trim_matches(['[', ']']);
    let is_loopback = host.eq_ignore_ascii_case("localhost")
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback());
    let is_anonymous = match uri.scheme_str() {
        Some("https") => false,
        Some("http") if is_loopback => true,
        _ => return Err(wrong()),
    };
    Ok(Some(Endpoint {
        url: text.trim_end_matches('/').to_owned(),
        is_anonymous,
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
