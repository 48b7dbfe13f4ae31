//! The meaning of a request to the API server, from its method and path as the API server determines it.

use http::{Method, Request, Uri};

/// The operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    Get,
    List,
    Watch,
    Create,
    Update,
    Patch,
    Delete,
}

/// One request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub verb: Verb,
    /// Such as `deployments`, or `signerbindings/status`.
    pub resource: String,
    /// Empty for cluster-wide requests.
    pub namespace: String,
    /// Empty for creations, lists and watches.
    pub name: String,
    /// The resourceVersion from which a watch continues.
    pub since: u64,
}

impl Asked {
    pub fn of<B>(request: &Request<B>) -> Self {
        let segments: Vec<_> = request.uri().path().split('/').skip(1).collect();
        let of_group = match segments.first() {
            Some(&"apis") => 3,
            _ => 2,
        };
        let rest = segments.get(of_group..).unwrap_or_default();
        let (namespace, rest) = match rest {
            ["namespaces", namespace, rest @ ..] if !rest.is_empty() => (*namespace, rest),
            rest => ("", rest),
        };
        let resource = match rest {
            [resource, _, subresource] => format!("{resource}/{subresource}"),
            [resource, ..] => (*resource).to_owned(),
            [] => String::new(),
        };
        let verb = match *request.method() {
            Method::POST => Verb::Create,
            Method::PUT => Verb::Update,
            Method::PATCH => Verb::Patch,
            Method::DELETE => Verb::Delete,
            _ if matches!(parameter(request.uri(), "watch"), Some("true" | "1")) => Verb::Watch,
            _ if rest.len() == 1 => Verb::List,
            _ => Verb::Get,
        };
        let since = parameter(request.uri(), "resourceVersion").and_then(|version| version.parse().ok());
        Self {
            verb,
            resource,
            namespace: namespace.to_owned(),
            name: rest.get(1).copied().unwrap_or_default().to_owned(),
            since: since.unwrap_or_default(),
        }
    }
}

fn parameter<'a>(uri: &'a Uri, name: &str) -> Option<&'a str> {
    let mut pairs = uri.query()?.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_told_apart() {
        let asked = |method: Method, uri: &str| {
            let Asked {
                verb,
                resource,
                namespace,
                name,
                since,
            } = Asked::of(&Request::builder().method(method).uri(uri).body(()).unwrap());
            (verb, format!("{resource} in {namespace:?}: {name:?} since {since}"))
        };
        let is = |verb, text: &str| (verb, text.to_owned());
        assert_eq!(
            asked(Method::PATCH, "/apis/apps/v1/namespaces/a/deployments/b?force=true"),
            is(Verb::Patch, r#"deployments in "a": "b" since 0"#)
        );
        assert_eq!(
            asked(Method::PATCH, "/apis/x/v1/namespaces/a/signerbindings/b/status"),
            is(Verb::Patch, r#"signerbindings/status in "a": "b" since 0"#)
        );
        assert_eq!(
            asked(Method::GET, "/api/v1/pods?limit=5&watch=true&resourceVersion=7"),
            is(Verb::Watch, r#"pods in "": "" since 7"#)
        );
        assert_eq!(
            asked(Method::GET, "/api/v1/namespaces/a"),
            is(Verb::Get, r#"namespaces in "": "a" since 0"#)
        );
        assert_eq!(
            asked(Method::GET, "/api/v1/namespaces/a/services?limit=500"),
            is(Verb::List, r#"services in "a": "" since 0"#)
        );
        assert_eq!(
            asked(Method::POST, "/apis/events.k8s.io/v1/namespaces/a/events"),
            is(Verb::Create, r#"events in "a": "" since 0"#)
        );
    }
}
