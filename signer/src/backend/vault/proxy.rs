//! Whether the key service would be called through a proxy. Most are in or near the cluster, where a proxy for the Internet
//! cannot reach them.

use hyper_util::client::proxy::matcher::Matcher;

use crate::backend::address::Address;

/// A warning, if it applies. Values of variables are not shown, because they may contain a password.
pub fn warning(address: &Address) -> Option<String> {
    of(&Matcher::from_env(), address)
}

fn of(proxies: &Matcher, address: &Address) -> Option<String> {
    // Plain HTTP on this host bypasses the proxy, which would see the token.
    if address.is_plain {
        return None;
    }
    proxies.intercept(&address.url.parse().ok()?)?;
    let host = &address.host;
    Some(format!(
        "HTTPS_PROXY or ALL_PROXY: the key service {host} is asked through that proxy, on a connection that it cannot \
        read. To ask {host} directly, for example inside the cluster, name it in NO_PROXY"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_service_is_not_asked_through_a_proxy_unnoticed() {
        let proxy = "http://user:password@proxy.example:3128";
        for (https, http, no, url, expected) in [
            (proxy, "", "", "https://vault.example.com:8200", true),
            ("", proxy, "", "https://vault.example.com:8200", false),
            (proxy, "", "vault.example.com", "https://vault.example.com:8200", false),
            (proxy, "", ".svc", "https://vault.vault.svc:8200", false),
            (proxy, proxy, "", "http://127.0.0.1:8200", false),
            ("", "", "", "https://vault.example.com", false),
        ] {
            let builder = Matcher::builder().https(https.to_owned()).http(http.to_owned());
            let matcher = builder.no(no.to_owned()).build();
            let found = of(&matcher, &Address::parse(url).unwrap());
            assert_eq!(found.is_some(), expected, "{https} {http} {no} {url}");
            let found = found.unwrap_or_default();
            assert!(
                !found.contains("password") && !found.contains("proxy.example"),
                "{found}"
            );
        }
    }
}
