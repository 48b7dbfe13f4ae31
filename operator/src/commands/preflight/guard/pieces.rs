//! Recognises admission policies by their content. Pure. Their names depend on the release, and people change them.

use crds::kubernetes::MUTATING_POLICIES;
use crds::names::HASH_ANNOTATION;
use serde_json::Value;

use crate::commands::preflight::finding::{Finding, Verdict};

pub const ABOUT: &str = "guard";

const DANGER: &str =
    "an edit such as `kubectl rollout undo` can start a voter without its signer before the operator repairs it";

/// The purpose of a part of the guard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece {
    Edits,
    Keeping,
    Creation,
    Pods,
    Operator,
}

impl Piece {
    const ALL: [Self; 5] = [Self::Edits, Self::Keeping, Self::Creation, Self::Pods, Self::Operator];

    /// Whether Kubernetes of this minor version supports it.
    const fn is_possible(self, minor: u32) -> bool {
        minor >= MUTATING_POLICIES || !matches!(self, Self::Keeping)
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Edits => "edits and resumption",
            Self::Keeping => "empty keys of manifests",
            Self::Creation => "creation",
            Self::Pods => "pods",
            Self::Operator => "the operator's own writes",
        }
    }

    /// The risk without it, and how to install it.
    fn missing(self, minor: u32) -> String {
        match self {
            Self::Edits => format!("found no policy of the chart that refuses (guard.enabled): {DANGER}"),
            Self::Keeping => "found no policy of the chart that holds a voter when an empty key of a manifest removes its signer (guard.manifestManagers): a manifest with `env:` is refused".to_owned(),
            Self::Creation if minor < MUTATING_POLICIES => format!(
                "holding a new Deployment needs Kubernetes 1.{MUTATING_POLICIES}, and found no policy of the chart that warns or refuses (guard.creation): create a voter paused, else its first pod can start without its signer"
            ),
            Self::Creation => "found no policy of the chart that holds a new Deployment (guard.creation): the first pod of a new or re-created voter can start without its signer".to_owned(),
            Self::Pods => "found no policy of the chart that refuses (guard.pods): a pod that a webhook has rewritten can start without its signer".to_owned(),
            Self::Operator => "found no policy of the chart that refuses (guard.enabled): a stolen token of the operator's ServiceAccount can change every Deployment in any way".to_owned(),
        }
    }
}

/// A policy that is bound.
pub struct Policy {
    policy: Value,
    /// `Deny` or `Warn`. Empty for a policy that changes objects.
    actions: Vec<String>,
}

impl Policy {
    /// None if no binding names the policy.
    pub fn bound(policy: Value, bindings: &[Value]) -> Option<Self> {
        let mut of_policy = bindings
            .iter()
            .filter(|binding| binding["spec"]["policyName"] == policy["metadata"]["name"])
            .peekable();
        of_policy.peek()?;
        let actions = of_policy
            .flat_map(|binding| texts(&binding["spec"]["validationActions"]))
            .collect();
        Some(Self { policy, actions })
    }

    /// Whether it refuses edits that would remove a signer.
    pub fn refuses_edits(&self) -> bool {
        self.piece() == Some(Piece::Edits)
    }

    /// The text of all its conditions.
    pub fn text(&self) -> String {
        self.conditions().collect::<Vec<_>>().join("\n")
    }

    pub fn name(&self) -> &str {
        self.policy["metadata"]["name"].as_str().unwrap_or_default()
    }

    fn is_mutating(&self) -> bool {
        self.policy["spec"]["mutations"].is_array()
    }

    fn denies(&self) -> bool {
        self.actions.iter().any(|action| action == "Deny")
    }

    fn matches(&self, operation: &str, resource: &str) -> bool {
        let rules = self.policy["spec"]["matchConstraints"]["resourceRules"].as_array();
        rules.into_iter().flatten().any(|rule| {
            texts(&rule["operations"]).any(|found| found == operation)
                && texts(&rule["resources"]).any(|found| found == resource)
        })
    }

    fn conditions(&self) -> impl Iterator<Item = &str> {
        let conditions = self.policy["spec"]["matchConditions"].as_array();
        conditions
            .into_iter()
            .flatten()
            .filter_map(|condition| condition["expression"].as_str())
    }

    /// The part of the guard that this policy is. None if it is not a part of the guard, or is not active.
    fn piece(&self) -> Option<Piece> {
        if self.policy["spec"]["paramKind"]["kind"] == "SignerBinding" {
            return if self.matches("CREATE", "deployments") {
                Some(Piece::Creation)
            } else {
                (self.is_mutating() && self.matches("UPDATE", "deployments")).then_some(Piece::Keeping)
            };
        }
        if !self.denies() {
            return None;
        }
        let is_about_ours = || self.conditions().any(|expression| expression.contains(HASH_ANNOTATION));
        if self.matches("CREATE", "pods") {
            return is_about_ours().then_some(Piece::Pods);
        }
        if !self.matches("UPDATE", "deployments") {
            return None;
        }
        if is_about_ours() {
            return Some(Piece::Edits);
        }
        let is_leash = self
            .conditions()
            .any(|expression| expression.trim_start().starts_with("request.userInfo.username =="))
            && self.policy["spec"].to_string().contains(HASH_ANNOTATION);
        is_leash.then_some(Piece::Operator)
    }

    fn told(&self) -> String {
        let effect = if self.is_mutating() {
            "holds"
        } else if self.denies() {
            "refuses"
        } else {
            "warns"
        };
        format!("{} {effect}", self.name())
    }
}

/// A line for each piece.
pub fn examine(policies: &[Policy], minor: u32) -> Vec<Finding> {
    let pieces = Piece::ALL.iter().filter(|piece| piece.is_possible(minor));
    let lines = pieces.map(|piece| {
        let found: Vec<_> = policies
            .iter()
            .filter(|policy| policy.piece() == Some(*piece))
            .map(Policy::told)
            .collect();
        let (verdict, text) = if found.is_empty() {
            (Verdict::Warning, piece.missing(minor))
        } else {
            (Verdict::Ok, found.join(", "))
        };
        Finding::new(verdict, ABOUT, format!("{}: {text}", piece.name()))
    });
    lines.collect()
}

/// A line for each policy of the guard that no binding names. This happens if only one of the two names was changed.
/// kustomize must be told that a MutatingAdmissionPolicyBinding names its policy. An old version of kustomize must also
/// be told that a ValidatingAdmissionPolicyBinding does.
pub fn loose(kind: &str, policies: &[Value], bindings: &[Value]) -> Vec<Finding> {
    let names = |binding: &Value, policy: &Value| binding["spec"]["policyName"] == policy["metadata"]["name"];
    let is_ours = |policy: &&Value| {
        let spec = policy["spec"].to_string();
        spec.contains(HASH_ANNOTATION) || policy["spec"]["paramKind"]["kind"] == "SignerBinding"
    };
    let unbound = policies
        .iter()
        .filter(is_ours)
        .filter(|policy| !bindings.iter().any(|binding| names(binding, policy)));
    unbound
        .map(|policy| {
            let name = policy["metadata"]["name"].as_str().unwrap_or_default();
            let text = format!(
                "{kind} {name} has no effect, because no {kind}Binding names it in spec.policyName. With kustomize's namePrefix and nameSuffix, add the nameReference that examples/kustomize-operator has"
            );
            Finding::new(Verdict::Unfit, ABOUT, text)
        })
        .collect()
}

fn texts(list: &Value) -> impl Iterator<Item = String> {
    let items = list.as_array().into_iter().flatten();
    items.filter_map(Value::as_str).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn policy(operation: &str, resource: &str, condition: &str, actions: &[&str]) -> Policy {
        let policy = json!({
            "metadata": {"name": "any"},
            "spec": {
                "matchConstraints": {"resourceRules": [{"operations": [operation], "resources": [resource]}]},
                "matchConditions": [{"name": "a", "expression": condition}],
                "variables": [{"name": "b", "expression": HASH_ANNOTATION}],
            },
        });
        let binding = json!({"spec": {"policyName": "any", "validationActions": actions}});
        Policy::bound(policy, &[binding]).unwrap()
    }

    fn holding(field: &str) -> Policy {
        let mut policy = policy("CREATE", "deployments", "true", &[]);
        policy.policy["spec"]["paramKind"] = json!({"kind": "SignerBinding"});
        policy.policy["spec"][field] = json!([]);
        policy
    }

    fn keeping(condition: &str) -> Policy {
        let mut policy = policy("UPDATE", "deployments", condition, &[]);
        policy.policy["spec"]["paramKind"] = json!({"kind": "SignerBinding"});
        policy.policy["spec"]["mutations"] = json!([]);
        policy
    }

    fn told(policies: &[Policy], minor: u32) -> Vec<String> {
        examine(policies, minor).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn each_piece_is_known_by_what_it_is_about() {
        let condition = format!("has(x['{HASH_ANNOTATION}'])");
        let deny = &["Deny"][..];
        let leash = "request.userInfo.username == 'a'";
        let lines = told(
            &[
                policy("CREATE", "pods", &condition, deny),
                policy("UPDATE", "deployments", leash, deny),
                holding("mutations"),
                keeping(&condition),
                policy("UPDATE", "deployments", &condition, deny),
            ],
            37,
        );
        assert_eq!(
            lines,
            [
                "guard        ok: edits and resumption: any refuses",
                "guard        ok: empty keys of manifests: any holds",
                "guard        ok: creation: any holds",
                "guard        ok: pods: any refuses",
                "guard        ok: the operator's own writes: any refuses",
            ]
        );
    }

    #[test]
    fn what_does_not_refuse_or_is_not_bound_is_missing() {
        let condition = format!("has(x['{HASH_ANNOTATION}'])");
        let lines = told(&[policy("UPDATE", "deployments", &condition, &["Audit"])], 37);
        assert_eq!(lines.len(), 5);
        assert!(lines.iter().all(|line| line.contains("WARNING")), "{lines:?}");
        assert!(lines[2].contains("holds a new Deployment"), "{lines:?}");
        assert!(
            Policy::bound(
                json!({"metadata": {"name": "any"}}),
                &[json!({"spec": {"policyName": "other"}})]
            )
            .is_none()
        );
    }

    #[test]
    fn a_policy_that_no_binding_names_is_told_of() {
        let ours = json!({"metadata": {"name": "a-guard"}, "spec": {"paramKind": {"kind": "SignerBinding"}}});
        let foreign = json!({"metadata": {"name": "foreign"}, "spec": {}});
        let binding = |policy: &str| json!({"spec": {"policyName": policy}});
        let policies = [ours, foreign];
        let told = loose("MutatingAdmissionPolicy", &policies, &[binding("guard")]);
        assert_eq!(told.len(), 1);
        assert!(
            told[0].to_string().contains("FAILED: MutatingAdmissionPolicy a-guard"),
            "{}",
            told[0]
        );
        assert!(loose("MutatingAdmissionPolicy", &policies, &[binding("a-guard")]).is_empty());
    }

    #[test]
    fn an_older_cluster_is_told_that_it_cannot_hold() {
        let lines = told(&[], 30);
        assert!(lines[1].contains("needs Kubernetes 1.36"), "{lines:?}");
        let mut warning = holding("validations");
        warning.actions = vec!["Warn".to_owned()];
        assert_eq!(told(&[warning], 30)[1], "guard        ok: creation: any warns");
    }
}
