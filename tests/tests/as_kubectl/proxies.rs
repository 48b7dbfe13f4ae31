//! The programs use a proxy, and its exceptions, exactly when kubectl does.

use std::net::SocketAddr;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::network::{Protocol, Proxy};
use super::subject::{Subject, set};

/// An address of this computer that clients do not treat as loopback.
const NOT_LOOPBACK: &str = "0.0.0.0";

/// A name that only the proxy knows.
const NAME: &str = "api.kube.example";

struct Network {
    subject: Subject,
    server: SocketAddr,
    http: Proxy,
    guarded: Proxy,
    socks: Proxy,
}

/// The proxy that counted a connection, if any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Through {
    Nobody,
    Http,
    Guarded,
    Socks,
}

impl Network {
    async fn new() -> Result<Self> {
        let subject = Subject::new().await?;
        let server = subject
            .admin()?
            .pointer("/clusters/0/cluster/server")
            .and_then(Value::as_str)
            .map(str::to_owned);
        let server: SocketAddr = server.context("no server")?.trim_start_matches("https://").parse()?;
        Ok(Self {
            subject,
            server,
            http: Proxy::start(Protocol::Http(None), server).await?,
            guarded: Proxy::start(Protocol::Http(Some("me:pass@word")), server).await?,
            socks: Proxy::start(Protocol::Socks5, server).await?,
        })
    }

    fn through(&self) -> Vec<Through> {
        let counted = [
            (&self.http, Through::Http),
            (&self.guarded, Through::Guarded),
            (&self.socks, Through::Socks),
        ];
        let counted: Vec<_> = counted
            .into_iter()
            .filter(|(proxy, _)| proxy.connections() > 0)
            .collect();
        if counted.is_empty() {
            return vec![Through::Nobody];
        }
        counted.into_iter().map(|(_, through)| through).collect()
    }

    /// Runs both programs, and asserts that both or neither reach the server, and through which proxy.
    async fn row(
        &self,
        host: &str,
        proxy_url: Option<&str>,
        environment: &[(&str, &str)],
        expected: (bool, Through),
    ) -> Result<Option<String>> {
        let place = |text: &str| {
            let text = text.replace("HTTP", &self.http.address.to_string());
            let text = text.replace("GUARDED", &self.guarded.address.to_string());
            let text = text.replace("SOCKS", &self.socks.address.to_string());
            text.replace("PORT", &self.server.port().to_string())
        };
        let mut kubeconfig = self.subject.admin()?;
        let port = self.server.port();
        kubeconfig = set(
            kubeconfig,
            "/clusters/0/cluster/server",
            json!(format!("https://{host}:{port}")),
        );
        kubeconfig = set(kubeconfig, "/clusters/0/cluster/tls-server-name", json!("localhost"));
        if let Some(address) = proxy_url {
            kubeconfig = set(kubeconfig, "/clusters/0/cluster/proxy-url", json!(place(address)));
        }
        let path = self.subject.write(&kubeconfig)?.display().to_string();
        let set: Vec<_> = environment.iter().map(|(name, value)| (*name, place(value))).collect();
        let kubectl = self.subject.kubectl(&path, &set).await?;
        let by_kubectl = (kubectl.reached, self.through());
        let operator = self.subject.operator(&path, &set).await?;
        let by_operator = (operator.reached, self.through());
        let expected = (expected.0, vec![expected.1]);
        let is_same = by_kubectl == expected && by_operator == expected;
        Ok((!is_same).then(|| {
            format!(
                "{host} {proxy_url:?} {environment:?}: expected {expected:?}\n  kubectl {by_kubectl:?} {}\n  operator {by_operator:?} {}",
                kubectl.said, operator.said
            )
        }))
    }
}

/// Environment variables with their values.
type Variables = &'static [(&'static str, &'static str)];

#[tokio::test]
async fn the_environment_names_a_proxy_as_for_kubectl() -> Result<()> {
    use Through::{Guarded, Http, Nobody, Socks};
    let network = Network::new().await?;
    let mut differences = vec![];
    let rows: &[(&str, Variables, (bool, Through))] = &[
        (NOT_LOOPBACK, &[], (true, Nobody)),
        (NAME, &[], (false, Nobody)),
        (NOT_LOOPBACK, &[("HTTPS_PROXY", "http://HTTP")], (true, Http)),
        (NAME, &[("HTTPS_PROXY", "http://HTTP")], (true, Http)),
        (NAME, &[("https_proxy", "http://HTTP")], (true, Http)),
        (NAME, &[("HTTPS_PROXY", "http://HTTP/")], (true, Http)),
        (NAME, &[("HTTPS_PROXY", "HTTP")], (true, Http)),
        (NAME, &[("HTTPS_PROXY", "socks5://SOCKS")], (true, Socks)),
        (NAME, &[("HTTPS_PROXY", "socks5h://SOCKS")], (true, Socks)),
        (
            NAME,
            &[("HTTPS_PROXY", "http://me:pass%40word@GUARDED")],
            (true, Guarded),
        ),
        (NAME, &[("HTTPS_PROXY", "http://me:wrong@GUARDED")], (false, Guarded)),
        (
            NAME,
            &[("HTTPS_PROXY", "http://HTTP"), ("https_proxy", "http://GUARDED")],
            (true, Http),
        ),
        (
            NAME,
            &[("HTTPS_PROXY", ""), ("https_proxy", "http://HTTP")],
            (true, Http),
        ),
        // Not used for HTTPS requests.
        (NOT_LOOPBACK, &[("HTTP_PROXY", "http://HTTP")], (true, Nobody)),
        (NOT_LOOPBACK, &[("ALL_PROXY", "http://HTTP")], (true, Nobody)),
        (NOT_LOOPBACK, &[("all_proxy", "socks5://SOCKS")], (true, Nobody)),
        // Nobody listens there.
        (NOT_LOOPBACK, &[("HTTPS_PROXY", "http://127.0.0.1:1")], (false, Nobody)),
        // Never used for loopback.
        ("127.0.0.1", &[("HTTPS_PROXY", "http://HTTP")], (true, Nobody)),
        ("localhost", &[("HTTPS_PROXY", "http://HTTP")], (true, Nobody)),
        (
            "127.0.0.1",
            &[("HTTPS_PROXY", "http://127.0.0.1:1"), ("NO_PROXY", "127.0.0.1")],
            (true, Nobody),
        ),
        ("127.0.0.1", &[("HTTPS_PROXY", "nonsense://")], (true, Nobody)),
        // An empty or invalid entry does not affect the other entries.
        (
            NAME,
            &[("HTTPS_PROXY", "http://HTTP"), ("NO_PROXY", ",a,,[,/,")],
            (true, Http),
        ),
    ];
    for (host, environment, expected) in rows {
        differences.extend(network.row(host, None, environment, *expected).await?);
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    Ok(())
}

#[tokio::test]
async fn exceptions_count_as_for_kubectl() -> Result<()> {
    let network = Network::new().await?;
    let mut differences = vec![];
    for (host, except, is_direct) in [
        (NOT_LOOPBACK, "*", true),
        (NOT_LOOPBACK, "0.0.0.0", true),
        (NOT_LOOPBACK, "0.0.0.0:PORT", true),
        (NOT_LOOPBACK, "0.0.0.0:1", false),
        (NOT_LOOPBACK, "0.0.0.0/8", true),
        (NOT_LOOPBACK, "0.1.2.3/8", true),
        (NOT_LOOPBACK, "a.example, 0.0.0.0/8 ,b", true),
        (NOT_LOOPBACK, "10.0.0.0/8,192.168.0.0/16", false),
        (NOT_LOOPBACK, "0.0.0.0/33", false),
        (NOT_LOOPBACK, "::/0", false),
        (NOT_LOOPBACK, "0.0.0", false),
        (NOT_LOOPBACK, ".0.0", false),
        (NAME, "*", true),
        (NAME, "api.kube.example", true),
        (NAME, "API.Kube.Example", true),
        (NAME, "kube.example", true),
        (NAME, ".kube.example", true),
        (NAME, "*.kube.example", true),
        (NAME, ".example", true),
        (NAME, "example", true),
        (NAME, "ube.example", false),
        (NAME, "*.api.kube.example", false),
        (NAME, ".api.kube.example", false),
        (NAME, "api.*.example", false),
        (NAME, "kube.example:PORT", true),
        (NAME, "kube.example:443", false),
        (NAME, "kube", false),
        (NAME, "other.example,", false),
        (NAME, "0.0.0.0/0", false),
        (NAME, "kube.example other.example", false),
        (NAME, "https://kube.example", false),
    ] {
        // Without the proxy, an unknown name cannot be reached.
        let expected = match (is_direct, host) {
            (false, _) => (true, Through::Http),
            (true, NAME) => (false, Through::Nobody),
            (true, _) => (true, Through::Nobody),
        };
        let environment = [("HTTPS_PROXY", "http://HTTP"), ("NO_PROXY", except)];
        differences.extend(network.row(host, None, &environment, expected).await?);
    }
    let lower = [("HTTPS_PROXY", "http://HTTP"), ("no_proxy", "0.0.0.0")];
    differences.extend(network.row(NOT_LOOPBACK, None, &lower, (true, Through::Nobody)).await?);
    let both = [
        ("HTTPS_PROXY", "http://HTTP"),
        ("NO_PROXY", "a"),
        ("no_proxy", "0.0.0.0"),
    ];
    differences.extend(network.row(NOT_LOOPBACK, None, &both, (true, Through::Http)).await?);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    Ok(())
}

#[tokio::test]
async fn a_kubeconfig_names_a_proxy_as_for_kubectl() -> Result<()> {
    use Through::{Guarded, Http, Nobody, Socks};
    let network = Network::new().await?;
    let mut differences = vec![];
    let rows: &[(&str, &str, Variables, (bool, Through))] = &[
        (NAME, "http://HTTP", &[], (true, Http)),
        ("127.0.0.1", "http://HTTP", &[], (true, Http)),
        (NAME, "socks5://SOCKS", &[], (true, Socks)),
        (NAME, "http://me:pass%40word@GUARDED", &[], (true, Guarded)),
        (NAME, "http://GUARDED", &[], (false, Guarded)),
        (NAME, "", &[("HTTPS_PROXY", "http://HTTP")], (true, Http)),
        // Takes precedence over the environment, and exceptions do not apply.
        (NAME, "http://HTTP", &[("HTTPS_PROXY", "http://GUARDED")], (true, Http)),
        (NOT_LOOPBACK, "http://HTTP", &[("NO_PROXY", "*")], (true, Http)),
        (NOT_LOOPBACK, "socks5h://SOCKS", &[], (false, Nobody)),
        (NOT_LOOPBACK, "ftp://HTTP", &[], (false, Nobody)),
        (NOT_LOOPBACK, "HTTP", &[], (false, Nobody)),
        (NOT_LOOPBACK, "http://127.0.0.1:1", &[], (false, Nobody)),
    ];
    for (host, proxy_url, environment, expected) in rows {
        differences.extend(network.row(host, Some(proxy_url), environment, *expected).await?);
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    Ok(())
}
