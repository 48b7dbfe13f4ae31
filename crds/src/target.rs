//! Which Deployments a binding names.

use std::collections::BTreeMap;
use std::fmt;

use kube::KubeSchema;

use serde::{Deserialize, Serialize};

use crate::{cel_rules, map_schemas};

/// The Deployments that get a signer. Exactly one of `name` and `selector`; both are immutable, because a change would
/// leave a Deployment with an injected signer and no binding.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.name) != has(self.selector)")
    .message("set exactly one of name and selector"))]
#[x_kube(validation = Rule::new("has(self.name) == has(oldSelf.name) && (!has(self.name) || self.name == oldSelf.name)")
    .message("name is immutable: create another SignerBinding for the other Deployment and delete this one"))]
#[x_kube(validation = Rule::new("has(self.selector) == has(oldSelf.selector) && (!has(self.selector) || self.selector == oldSelf.selector)")
    .message("selector is immutable: create another SignerBinding for the other Deployments and delete this one"))]
pub struct Target {
    /// Name of a Deployment in the namespace of the binding. It need not exist yet. Immutable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = cel_rules::object_name("a Deployment"))]
    pub name: Option<String>,

    /// Selects Deployments in the namespace of the binding by their labels. Immutable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<LabelSelector>,

    /// The container that runs the node and gets the `ATTO_SIGNER_*` variables. Default: the container called `node`, otherwise the
    /// only container of the pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    #[x_kube(validation = cel_rules::container_name())]
    #[x_kube(validation = cel_rules::container_is_not_ours())]
    pub container: Option<String>,
}

impl Target {
    /// Whether a Deployment with this name and these labels, in the namespace of the binding, is a target.
    pub fn selects(&self, name: &str, labels: &BTreeMap<String, String>) -> bool {
        self.name.as_deref() == Some(name) || self.selector.as_ref().is_some_and(|selector| selector.matches(labels))
    }
}

/// A label selector as in Kubernetes: all of `matchLabels` and all of `matchExpressions` must match.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("(has(self.matchLabels) && size(self.matchLabels) > 0) || (has(self.matchExpressions) && size(self.matchExpressions) > 0)")
    .message("must not be empty: an empty selector would select every Deployment of the namespace"))]
pub struct LabelSelector {
    /// Labels that a Deployment must carry with exactly these values.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "map_schemas::label_map")]
    #[x_kube(validation = cel_rules::label_keys())]
    #[x_kube(validation = cel_rules::label_map_values())]
    pub match_labels: BTreeMap<String, String>,

    /// Requirements that the labels of a Deployment must meet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub match_expressions: Vec<LabelSelectorRequirement>,
}

impl LabelSelector {
    /// Whether labels match all of the selector.
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        let Self {
            match_labels,
            match_expressions,
        } = self;
        match_labels.iter().all(|(key, value)| labels.get(key) == Some(value))
            && match_expressions.iter().all(|requirement| requirement.is_met(labels))
    }
}

/// In the format of `kubectl get --selector` and the API server.
impl fmt::Display for LabelSelector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let labels = self.match_labels.iter().map(|(key, value)| format!("{key}={value}"));
        let expressions = self.match_expressions.iter().map(ToString::to_string);
        let all: Vec<_> = labels.chain(expressions).collect();
        formatter.write_str(&all.join(","))
    }
}

/// One requirement of a label selector.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("(self.operator in ['In', 'NotIn']) == (has(self.values) && size(self.values) > 0)")
    .message("values must be set for In and NotIn, and must not be set for Exists and DoesNotExist"))]
pub struct LabelSelectorRequirement {
    /// The label key that the requirement is about.
    #[schemars(length(min = 1, max = 316))]
    #[x_kube(validation = cel_rules::label_key())]
    pub key: String,

    /// How `values` relates to the label: `In`, `NotIn`, `Exists` or `DoesNotExist`.
    pub operator: LabelSelectorOperator,

    /// The values for `In` and `NotIn`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(max = 63)))]
    #[x_kube(merge_strategy = ListMerge::Set, validation = cel_rules::label_values())]
    pub values: Vec<String>,
}

impl LabelSelectorRequirement {
    fn is_met(&self, labels: &BTreeMap<String, String>) -> bool {
        let found = labels.get(&self.key);
        match self.operator {
            LabelSelectorOperator::In => found.is_some_and(|found| self.values.contains(found)),
            // Labels without the key also match.
            LabelSelectorOperator::NotIn => !found.is_some_and(|found| self.values.contains(found)),
            LabelSelectorOperator::Exists => found.is_some(),
            LabelSelectorOperator::DoesNotExist => found.is_none(),
        }
    }
}

impl fmt::Display for LabelSelectorRequirement {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, operator, values } = self;
        let values = values.join(",");
        match operator {
            LabelSelectorOperator::In => write!(formatter, "{key} in ({values})"),
            LabelSelectorOperator::NotIn => write!(formatter, "{key} notin ({values})"),
            LabelSelectorOperator::Exists => formatter.write_str(key),
            LabelSelectorOperator::DoesNotExist => write!(formatter, "!{key}"),
        }
    }
}

/// Operator of a label selector requirement.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq, schemars::JsonSchema)]
pub enum LabelSelectorOperator {
    In,
    NotIn,
    Exists,
    DoesNotExist,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selects_as_kubernetes_does() {
        let requirement = |key: &str, operator, values: &[&str]| LabelSelectorRequirement {
            key: key.to_owned(),
            operator,
            values: values.iter().map(|value| (*value).to_owned()).collect(),
        };
        let selector = LabelSelector {
            match_labels: [("app".to_owned(), "voter".to_owned())].into(),
            match_expressions: vec![
                requirement("tier", LabelSelectorOperator::In, &["a", "b"]),
                requirement("zone", LabelSelectorOperator::NotIn, &["x"]),
                requirement("live", LabelSelectorOperator::Exists, &[]),
                requirement("old", LabelSelectorOperator::DoesNotExist, &[]),
            ],
        };
        assert_eq!(selector.to_string(), "app=voter,tier in (a,b),zone notin (x),live,!old");
        for (labels, expected) in [
            ("app=voter tier=b live=", true),
            ("app=voter tier=b live= zone=y", true),
            ("app=voter tier=b live= zone=x", false),
            ("app=voter tier=c live=", false),
            ("app=voter live=", false),
            ("app=voter tier=b", false),
            ("app=voter tier=b live= old=", false),
            ("app=other tier=b live=", false),
        ] {
            let of = |pair: &str| {
                pair.split_once('=')
                    .map(|(key, value)| (key.to_owned(), value.to_owned()))
            };
            let found: BTreeMap<_, _> = labels.split(' ').filter_map(of).collect();
            assert_eq!(selector.matches(&found), expected, "{labels}");
        }
    }
}
