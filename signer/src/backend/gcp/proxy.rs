//! Whether the metadata server, which provides credentials, would be called through a proxy. Google's client uses reqwest, which
//! applies the proxy variables to every host. A proxy cannot reach the metadata server, or answers with an identity of its own.

use hyper_util::client::proxy::matcher::Matcher;

use super::identity::{metadata_host, uses_a_file};

/// A warning, if it applies. Values of variables are not shown, because they may contain a password.
pub fn warning() -> Option<String> {
    (!uses_a_file())
        .then(|| of(&Matcher::from_env(), &metadata_host()))
        .flatten()
}

fn of(proxies: &Matcher, host: &str) -> Option<String> {
    let asked = format!("http://{host}/").parse().ok()?;
    proxies.intercept(&asked)?;
    Some(format!(
        "HTTP_PROXY or ALL_PROXY: the metadata server {host}, which provides the credentials for KMS, would be asked through that proxy. Name {host} and 169.254.169.254 in NO_PROXY, or set only HTTPS_PROXY"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_metadata_server_is_not_asked_through_a_proxy_unnoticed() {
        const HOST: &str = "metadata.google.internal";
        let matcher = |http: &str, https: &str, all: &str, no: &str| {
            let builder = Matcher::builder().all(all.to_owned()).http(http.to_owned());
            builder.https(https.to_owned()).no(no.to_owned()).build()
        };
        let proxy = "http://user:password@proxy.example:3128";
        for (http, https, all, no, expected) in [
            (proxy, "", "", "", true),
            ("", "", proxy, "", true),
            ("", proxy, "", "", false),
            ("", "", "", "", false),
            (proxy, "", "", HOST, false),
            (proxy, "", "", ".internal", false),
            (proxy, "", "", "*", false),
            (proxy, "", "", "169.254.169.254,localhost", true),
        ] {
            let found = of(&matcher(http, https, all, no), HOST);
            assert_eq!(found.is_some(), expected, "{http} {https} {all} {no}");
            let found = found.unwrap_or_default();
            assert!(
                !found.contains("password") && !found.contains("proxy.example"),
                "{found}"
            );
        }
        let by_address = matcher(proxy, "", "", "169.254.169.254");
        assert_eq!(of(&by_address, "169.254.169.254"), None);
    }
}
