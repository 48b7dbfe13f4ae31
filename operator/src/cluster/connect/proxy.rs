//! The proxy for the API server from the environment, chosen as Go's `net/http` and Kubernetes' client choose it.

use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use http::Uri;
use ipnet::IpNet;

/// The proxy for a server; `variable` reads the environment. `None` is a direct connection.
///
/// # Errors
/// Names the variable that is not a valid proxy address.
pub fn of_environment(server: &Uri, variable: impl Fn(&str) -> Option<String>) -> Result<Option<Uri>, String> {
    let any = |names: [&'static str; 2]| {
        let set = names.map(|name| (name, variable(name).unwrap_or_default()));
        set.into_iter().find(|(_, value)| !value.is_empty())
    };
    let names = match server.scheme_str() {
        Some("http") => ["HTTP_PROXY", "http_proxy"],
        _ => ["HTTPS_PROXY", "https_proxy"],
    };
    let Some((name, address)) = any(names) else {
        return Ok(None);
    };
    let except = any(["NO_PROXY", "no_proxy"])
        .map(|(_, value)| value)
        .unwrap_or_default();
    if is_direct(server, &except) {
        return Ok(None);
    }
    // Without the address itself, because it may contain a password.
    address_of(&address)
        .map(Some)
        .map_err(|error| format!("{name}: {error}"))
}

/// The `proxy-url` of a kubeconfig. `NO_PROXY` does not count there.
pub fn of_kubeconfig(address: &str) -> Result<Uri, String> {
    let known = ["http://", "https://", "socks5://"];
    if !known.iter().any(|scheme| address.starts_with(scheme)) {
        return Err("found no scheme of a proxy, expected http://, https:// or socks5://".to_owned());
    }
    address_of(address)
}

/// Scheme and port are optional.
fn address_of(address: &str) -> Result<Uri, String> {
    let full = if address.contains("://") {
        address.to_owned()
    } else {
        format!("http://{address}")
    };
    let uri: Uri = full
        .parse()
        .map_err(|_| "found no URL, expected one such as http://proxy.example:3128".to_owned())?;
    let port = match uri.scheme_str() {
        Some("http") => 80,
        Some("https") => 443,
        Some("socks5" | "socks5h") => 1080,
        _ => return Err("found another scheme, expected http://, https:// or socks5://".to_owned()),
    };
    let authority = uri.authority().map(ToString::to_string).unwrap_or_default();
    let authority = match uri.port() {
        Some(_) => authority,
        None => format!("{}:{port}", authority.trim_end_matches(':')),
    };
    // Both forms let the proxy resolve names.
    let scheme = uri
        .scheme_str()
        .map(|scheme| scheme.trim_end_matches('h'))
        .filter(|scheme| *scheme == "socks5");
    let scheme = scheme.or(uri.scheme_str()).unwrap_or_default();
    format!("{scheme}://{authority}")
        .parse()
        .map_err(|_| "found no URL of a proxy".to_owned())
}

fn is_direct(server: &Uri, except: &str) -> bool {
    let host = server
        .host()
        .unwrap_or_default()
        .trim_start_matches('[')
        .trim_end_matches(']');
    let port = server
        .port_u16()
        .unwrap_or(if server.scheme_str() == Some("http") { 80 } else { 443 });
    let host = host.to_ascii_lowercase();
    let ip: Option<IpAddr> = host.parse().ok().map(canonical);
    if host == "localhost" || ip.is_some_and(|ip| ip.is_loopback()) {
        return true;
    }
    except
        .split(',')
        .map(|entry| entry.trim().to_ascii_lowercase())
        .any(|entry| match ip {
            _ if entry == "*" => true,
            Some(ip) => excepts_address(&entry, ip, port),
            None => excepts_name(&entry, &host, port),
        })
}

/// A network or an address, optionally with a port.
fn excepts_address(entry: &str, ip: IpAddr, port: u16) -> bool {
    if let Ok(network) = IpNet::from_str(entry) {
        return network.contains(&ip);
    }
    let (host, wanted) = apart(entry);
    host.parse().ok().map(canonical) == Some(ip) && wanted.is_none_or(|wanted| wanted == port.to_string())
}

/// `domain` matches itself and its subdomains; `.domain` and `*.domain` match only the subdomains. Each with an optional port.
fn excepts_name(entry: &str, host: &str, port: u16) -> bool {
    let (domain, wanted) = apart(entry);
    let domain = domain
        .strip_prefix('*')
        .filter(|rest| rest.starts_with('.'))
        .unwrap_or(domain);
    if domain.is_empty() || wanted.is_some_and(|wanted| wanted != port.to_string()) {
        return false;
    }
    match domain.strip_prefix('.') {
        Some(_) => host.ends_with(domain),
        None => host == domain || host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.')),
    }
}

/// Splits host and port. An IPv6 address has a port only after brackets.
fn apart(entry: &str) -> (&str, Option<&str>) {
    if let Some((host, rest)) = entry.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return (host, rest.strip_prefix(':').filter(|port| !port.is_empty()));
    }
    match entry.split_once(':') {
        Some((host, port)) if !port.contains(':') => (host, Some(port).filter(|port| !port.is_empty())),
        _ => (entry, None),
    }
}

/// An IPv4-mapped IPv6 address equals the IPv4 address.
fn canonical(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V6(six) => Ipv6Addr::to_canonical(&six),
        four @ IpAddr::V4(_) => four,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(server: &str, environment: &[(&str, &str)]) -> Result<Option<String>, String> {
        let variable = |name: &str| {
            let found = environment.iter().find(|(variable, _)| *variable == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let found = of_environment(&server.parse().unwrap(), variable)?;
        Ok(found.map(|proxy| proxy.to_string()))
    }

    #[test]
    fn a_proxy_is_taken_for_the_scheme_of_the_server() {
        let both = [("HTTPS_PROXY", "http://a:1"), ("HTTP_PROXY", "http://b:2")];
        assert_eq!(proxy("https://api.example", &both), Ok(Some("http://a:1/".to_owned())));
        assert_eq!(proxy("http://api.example", &both), Ok(Some("http://b:2/".to_owned())));
        assert_eq!(proxy("https://api.example", &[("ALL_PROXY", "http://a:1")]), Ok(None));
        let empty = [("HTTPS_PROXY", ""), ("https_proxy", "a.example")];
        assert_eq!(
            proxy("https://api.example", &empty),
            Ok(Some("http://a.example:80/".to_owned()))
        );
        let socks = [("HTTPS_PROXY", "socks5h://me:secret@a")];
        assert_eq!(
            proxy("https://api.example", &socks),
            Ok(Some("socks5://me:secret@a:1080/".to_owned()))
        );
        let error = proxy("https://api.example", &[("HTTPS_PROXY", "ftp://me:secret@a")]).unwrap_err();
        assert!(
            error.starts_with("HTTPS_PROXY: ") && !error.contains("secret"),
            "{error}"
        );
    }

    #[test]
    fn exceptions_are_those_of_go() {
        for (server, except, is_direct) in [
            ("https://127.0.0.1:6443", "", true),
            ("https://[::1]:6443", "", true),
            ("https://[::ffff:127.0.0.1]:6443", "", true),
            ("https://localhost", "", true),
            ("https://0.0.0.0:6443", "", false),
            ("https://10.1.2.3:6443", "*", true),
            ("https://10.1.2.3:6443", "10.1.2.3", true),
            ("https://10.1.2.3:6443", "10.1.2.3:6443", true),
            ("https://10.1.2.3:6443", "10.1.2.3:443", false),
            ("https://10.1.2.3:6443", " 10.0.0.0/8 ,x", true),
            ("https://10.1.2.3:6443", "10.9.9.9/8", true),
            ("https://10.1.2.3:6443", "11.0.0.0/8", false),
            ("https://10.1.2.3:6443", "10.1.2", false),
            ("https://[fd00::2]:6443", "fd00::/64", true),
            ("https://[fd00::2]:6443", "fd00::2", true),
            ("https://[fd00::2]:6443", "[fd00::2]:6443", true),
            ("https://api.example", "example", true),
            ("https://api.example", ".example", true),
            ("https://api.example", "*.example", true),
            ("https://api.example", "api.example", true),
            ("https://api.example", ".api.example", false),
            ("https://api.example", "pi.example", false),
            ("https://api.example", "API.Example:443", true),
            ("https://api.example", "example:6443", false),
            ("https://api.example", ",,:443,other", false),
        ] {
            let found = proxy(server, &[("HTTPS_PROXY", "http://a:1"), ("NO_PROXY", except)]);
            assert_eq!(found.unwrap().is_none(), is_direct, "{server} with {except:?}");
        }
    }
}
