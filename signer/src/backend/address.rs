//! Checks the address of a key service: `https`, or plain `http` on this host.

use std::net::IpAddr;

use crate::settings::excerpt;

/// The expected form, for messages.
pub const EXPECTED: &str =
    "a URL that starts with https://, or with http:// and a loopback address (for tests), with a host and a valid port";

/// The address of a key service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// With the scheme, without a trailing slash.
    pub url: String,
    /// The name or address of the host, without brackets.
    pub host: String,
    /// The part after host and port: empty, or starting with a slash.
    pub path: String,
    /// Plain HTTP on this host, which needs no encryption.
    pub is_plain: bool,
}

impl Address {
    /// The address, if the text is one. A URL with a user or a query is refused: both may contain secrets, and no key service
    /// needs them.
    pub fn parse(text: &str) -> Option<Self> {
        let uri: http::Uri = text.parse().ok()?;
        // The HTTP client parses it the same way. It also checks the host and port: 127.300.0.1 and port 99999 are invalid.
        let url = reqwest::Url::parse(text).ok()?;
        if uri.query().is_some() || text.contains(['@', '#']) || url.port() == Some(0) {
            return None;
        }
        let host = uri.host()?.trim_matches(['[', ']']);
        let is_plain = match uri.scheme_str() {
            Some("https") => false,
            Some("http") if is_loopback(host) => true,
            _ => return None,
        };
        Some(Self {
            url: text.trim_end_matches('/').to_owned(),
            host: host.to_owned(),
            path: uri.path().trim_end_matches('/').to_owned(),
            is_plain,
        })
    }
}

/// The found text for messages. It never contains a text that may include a password.
pub fn shown(text: &str) -> String {
    if text.contains(['@', '?', '#']) {
        return "a URL with a user, a query or a fragment (not shown, because it may contain a secret)".to_owned();
    }
    excerpt(text)
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_this_machine_alone() {
        let is_plain = |text: &str| Address::parse(text).map(|address| address.is_plain);
        for local in [
            "http://127.0.0.1:1234",
            "http://localhost:1",
            "http://LOCALHOST",
            "http://[::1]:80/",
            "http://127.9.9.9",
        ] {
            assert_eq!(is_plain(local), Some(true), "{local}");
        }
        for elsewhere in [
            "https://vault.example.com:8200/",
            "https://localhost:1",
            "https://[2001:db8::1]",
        ] {
            assert_eq!(is_plain(elsewhere), Some(false), "{elsewhere}");
        }
        for wrong in [
            "",
            "http://10.0.0.1",
            "http://localhost.example.com",
            "http://127.0.0.1.example.com",
            "localhost:1",
            "vault.example.com",
            "https://",
            "/v1",
            "ftp://x",
            "https://user:password@vault.example.com",
            "http://127.0.0.1@example.com",
            "https://vault.example.com/?token=secret",
            "https://vault.example.com/#secret",
            "https://127.300.0.1:8200",
            "http://127.300.0.1",
            "https://vault.1",
            "https://[fd00:::1]",
            "https://vault:0",
            "https://vault:65536",
        ] {
            assert_eq!(is_plain(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn an_address_has_its_parts_and_no_slash_at_its_end() {
        let address = Address::parse("https://[2001:db8::1]:8200/behind/a/path//").unwrap();
        assert_eq!(address.url, "https://[2001:db8::1]:8200/behind/a/path");
        assert_eq!((&*address.host, &*address.path), ("2001:db8::1", "/behind/a/path"));
        assert_eq!(Address::parse("https://vault").unwrap().path, "");
    }

    #[test]
    fn a_password_in_a_wrong_address_is_not_shown() {
        for text in ["https://user:secret@x", "http://x/?token=secret", "x#secret"] {
            let shown = shown(text);
            assert!(shown.contains("not shown") && !shown.contains(text), "{shown}");
        }
        assert_eq!(shown("http://10.0.0.1"), "http://10.0.0.1");
    }
}
