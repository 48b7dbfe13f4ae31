//! Addresses for which plain HTTP is safe: this host, and link-local addresses that provide credentials.

use std::net::IpAddr;

/// The container agents of ECS and EKS, and the instance metadata service, over IPv4 and IPv6.
/// Source: <https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html> and `feature-imds-credentials.html`.
const AGENTS: [&str; 5] = [
    "169.254.170.2",
    "169.254.170.23",
    "fd00:ec2::23",
    "169.254.169.254",
    "fd00:ec2::254",
];

/// Whether a host of a URL, with or without brackets, is one of these.
pub fn is_near(host: &str) -> bool {
    let host = host.trim_matches(['[', ']']);
    let is_agent = |address: IpAddr| AGENTS.iter().any(|agent| agent.parse() == Ok(address));
    host.eq_ignore_ascii_case("localhost")
        || host
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback() || is_agent(address))
}

/// Whether it is an `https` URL, or a plain `http` URL of one of these hosts.
pub fn is_safe(url: &str) -> bool {
    let Ok(url) = url.parse::<http::Uri>() else {
        return false;
    };
    match (url.scheme_str(), url.host()) {
        (Some("https"), Some(_)) => true,
        (Some("http"), Some(host)) => is_near(host),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_stays_on_this_machine() {
        for safe in [
            "https://example.com/x",
            "http://localhost:1/x",
            "http://127.0.0.1:1",
            "http://[::1]:1/",
            "http://169.254.170.23/v1/credentials",
            "http://[fd00:ec2::23]/v1/credentials",
            "http://[fd00:ec2:0::254]",
            "http://169.254.169.254",
        ] {
            assert!(is_safe(safe), "{safe}");
        }
        for unsafe_ in [
            "http://example.com",
            "http://10.0.0.1",
            "http://169.254.170.1",
            "ftp://127.0.0.1",
            "/x",
            "",
        ] {
            assert!(!is_safe(unsafe_), "{unsafe_}");
        }
    }
}
