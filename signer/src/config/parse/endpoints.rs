//! Where ports listen, and where KMS is asked.

use crate::{
    backend::Endpoint,
    net::Place,
    settings::{ConfigError, Setting, excerpt, text},
};

fn service_link(variable: &'static str, text: &str) -> Option<ConfigError> {
    let port = text
        .rsplit(':')
        .next()
        .filter(|port| text.starts_with("tcp://") && port.parse::<u16>().is_ok())?;
    let service = variable
        .trim_end_matches("_PORT")
        .to_ascii_lowercase()
        .replace('_', "-");
    let found = format!(
        "{}, which Kubernetes sets in every pod of a namespace that has a Service called {service}",
        excerpt(text)
    );
    let expected = format!(
        "a port number; set {variable} in the container's `env` (for example to {port}), \
         or `enableServiceLinks: false` in the pod's `spec`"
    );
    Some(ConfigError::new(variable, found, expected))
}

pub fn port(variable: &'static str, value: Setting<'_>, default: u16) -> Result<u16, ConfigError> {
    const EXPECTED: &str = "a port number from 1 to 65535";
    let Some(text) = text(variable, value, EXPECTED)? else {
        return Ok(default);
    };
    if let Some(error) = service_link(variable, text) {
        return Err(error);
    }
    let port = text.parse().ok().filter(|port| *port != 0 && !text.starts_with('+'));
    port.ok_or_else(|| ConfigError::new(variable, excerpt(text), EXPECTED))
}

pub fn place(variable: &'static str, value: Setting<'_>) -> Result<Option<Place>, ConfigError> {
    const EXPECTED: &str = "`localhost` or an IP address without a port";
    let Some(text) = text(variable, value, EXPECTED)? else {
        return Ok(None);
    };
    text.parse()
        .map(Some)
        .map_err(|()| ConfigError::new(variable, excerpt(text), EXPECTED))
}

pub fn gcp_endpoint(value: Setting<'_>) -> Result<Option<Endpoint>, ConfigError> {
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
    use super::*;

    #[test]
    fn only_plain_http_on_this_machine_is_anonymous_and_elsewhere_it_is_refused() {
        let read = |text: &str| gcp_endpoint(Some(&text.into())).ok().flatten();
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
