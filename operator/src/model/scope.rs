//! The scope of the operator: the whole cluster, or some namespaces.

use std::str::FromStr;

use k8s_openapi::NamespaceResourceScope;
use kube::{Api, Client, Resource};

/// The namespaces whose bindings are reconciled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    #[default]
    Cluster,
    Namespaces {
        names: Vec<String>,
        /// Whether the operator has no permissions outside of them. A namespace that is being deleted may lose its Roles before
        /// its bindings, and their finalizers could then not be removed.
        strict: bool,
    },
}

impl Scope {
    /// The namespaces of the flags. None means the whole cluster.
    pub fn new(namespaces: Vec<NamespaceName>, strict: bool) -> Self {
        let mut names: Vec<_> = namespaces.into_iter().map(|NamespaceName(name)| name).collect();
        names.sort_unstable();
        names.dedup();
        if names.is_empty() {
            Self::Cluster
        } else {
            Self::Namespaces { names, strict }
        }
    }

    /// The APIs that together return every object of a kind, each with its namespace.
    pub fn apis<K>(&self, client: &Client) -> Vec<Api<K>>
    where
        K: Resource<Scope = NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        match self {
            Self::Cluster => vec![Api::all(client.clone())],
            Self::Namespaces { names, .. } => names.iter().map(|name| Api::namespaced(client.clone(), name)).collect(),
        }
    }

    pub const fn is_strict(&self) -> bool {
        matches!(self, Self::Namespaces { strict: true, .. })
    }
}

/// The name of a namespace: a DNS label (RFC 1123).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamespaceName(String);

impl FromStr for NamespaceName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let name = text.trim();
        let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let is_label = name.len() <= 63
            && name.bytes().all(|byte| is_inner(byte) || byte == b'-')
            && name.bytes().next().is_some_and(is_inner)
            && name.bytes().last().is_some_and(is_inner);
        if is_label {
            return Ok(Self(name.to_owned()));
        }
        Err(format!(
            "found {name:?}, expected the name of a namespace: at most 63 lower-case letters, digits and `-`, not beginning or ending with `-`"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_trimmed_sorted_and_counted_once() {
        let parse = |text: &str| text.split(',').map(str::parse).collect::<Result<Vec<_>, _>>();
        assert_eq!(
            Scope::new(parse("b, a,b").unwrap(), false),
            Scope::Namespaces {
                names: vec!["a".to_owned(), "b".to_owned()],
                strict: false
            }
        );
        assert_eq!(Scope::new(vec![], false), Scope::Cluster);
        for wrong in ["", "a,", "Atto", "a.b", "-a", "a-", &"a".repeat(64)] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
