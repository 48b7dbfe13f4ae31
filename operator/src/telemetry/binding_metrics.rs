//! Metrics about each SignerBinding and each of its Deployments, so that an alert can name them. The number of series follows the
//! number of bindings and their Deployments; the series of a deleted binding are removed. No label has the name of another
//! object, or a message.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use crds::conditions::{reasons, types};
use crds::{SignerBinding, TargetStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use prometheus::core::Collector;
use prometheus::{IntCounterVec, IntGaugeVec, Opts};

use crate::model::text::one_line;
use crate::telemetry::labels::known;

/// The values of a condition's status.
const STATUSES: [&str; 3] = ["True", "False", "Unknown"];

/// Kubernetes' limit on a name.
const LONGEST_NAME: usize = 253;

/// Namespace, binding and Deployment.
type Labels = [String; 3];

/// Cluster state in addition to the bindings.
pub struct Surroundings<'a> {
    /// Whether a Deployment of a binding wants pods and has no ready one.
    pub has_no_ready_pod: &'a dyn Fn(Option<&str>, &TargetStatus) -> bool,
    /// Held Deployments: namespace, the binding that they wait for, and name.
    pub held: Vec<Labels>,
    /// Signers without a binding: namespace, the binding with the same key, and the Deployment whose Service still exists. An
    /// unknown name is empty.
    pub orphans: Vec<Labels>,
}

/// The series with names.
pub struct BindingMetrics {
    info: IntGaugeVec,
    conditions: IntGaugeVec,
    reasons: IntGaugeVec,
    deployments: IntGaugeVec,
    without_ready_pod: IntGaugeVec,
    held: IntGaugeVec,
    orphans: IntGaugeVec,
    repairs: IntCounterVec,
    /// The Deployments whose repairs are counted.
    counted: Mutex<BTreeSet<Labels>>,
}

impl BindingMetrics {
    /// Without series.
    ///
    /// # Errors
    /// Fails if a metric name is invalid, which is a defect of this file.
    pub fn new() -> Result<Self, prometheus::Error> {
        let gauges = |name: &str, help: &str, labels: &[&str]| {
            let all: Vec<_> = ["namespace", "name"].iter().chain(labels).copied().collect();
            IntGaugeVec::new(Opts::new(name, help), &all)
        };
        Ok(Self {
            info: gauges(
                "atto_signer_operator_binding_info",
                "A Deployment of a SignerBinding and the kind of its key; the value is always 1.",
                &["deployment", "backend"],
            )?,
            conditions: gauges(
                "atto_signer_operator_binding_condition",
                "A condition of a SignerBinding: 1 for the status that it has, 0 for the two others.",
                &["condition", "status"],
            )?,
            reasons: gauges(
                "atto_signer_operator_binding_reason",
                "Status and reason of a condition of a SignerBinding; the value is always 1.",
                &["condition", "status", "reason"],
            )?,
            deployments: gauges(
                "atto_signer_operator_binding_deployment",
                "Reason why a Deployment of a SignerBinding is or is not ready; the value is always 1.",
                &["deployment", "reason"],
            )?,
            without_ready_pod: gauges(
                "atto_signer_operator_binding_deployment_without_ready_pod",
                "1 for a Deployment with a signer that wants pods and has no ready one, with the reason.",
                &["deployment", "reason"],
            )?,
            held: gauges(
                "atto_signer_operator_binding_deployment_held",
                "1 for a Deployment that waits for its signer before its first pod starts.",
                &["deployment"],
            )?,
            orphans: gauges(
                "atto_signer_operator_orphan",
                "Owners of pods with a signer and no SignerBinding: name is the SignerBinding whose key they use, deployment the Deployment that the signer was injected into.",
                &["deployment"],
            )?,
            repairs: IntCounterVec::new(
                Opts::new(
                    "atto_signer_operator_binding_repairs_total",
                    "How often the injected signer of a Deployment was restored after another client had changed it.",
                ),
                &["namespace", "name", "deployment"],
            )?,
            counted: Mutex::default(),
        })
    }

    /// The collectors of all metrics.
    pub fn collectors(&self) -> [Box<dyn Collector>; 8] {
        [
            Box::new(self.info.clone()),
            Box::new(self.conditions.clone()),
            Box::new(self.reasons.clone()),
            Box::new(self.deployments.clone()),
            Box::new(self.without_ready_pod.clone()),
            Box::new(self.held.clone()),
            Box::new(self.orphans.clone()),
            Box::new(self.repairs.clone()),
        ]
    }

    /// Counts a repair.
    pub fn repaired(&self, binding: &SignerBinding, deployment: &str) {
        let [namespace, name] = names(binding);
        let labels = [namespace, name, one_line(deployment, LONGEST_NAME)];
        // Under the lock, so that no scrape in between removes the series and keeps the count.
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        self.repairs.with_label_values(&labels).inc();
        counted.insert(labels);
    }

    /// Shows these bindings, and removes the series of bindings that no longer exist.
    pub fn take(&self, bindings: &[&SignerBinding], surroundings: &Surroundings<'_>) {
        let Surroundings {
            has_no_ready_pod,
            held,
            orphans,
        } = surroundings;
        for gauge in [
            &self.info,
            &self.conditions,
            &self.reasons,
            &self.deployments,
            &self.without_ready_pod,
            &self.held,
            &self.orphans,
        ] {
            gauge.reset();
        }
        let mut all = BTreeSet::new();
        for binding in bindings {
            let [namespace, name] = names(binding);
            let own = [namespace.as_str(), name.as_str()];
            let conditions = binding.status.iter().flat_map(|status| &status.conditions);
            for condition in conditions {
                self.condition(own, condition);
            }
            let targets = binding.status.iter().flat_map(|status| &status.targets);
            for target in targets {
                let has_none = has_no_ready_pod(binding.metadata.namespace.as_deref(), target);
                self.target(own, target, has_none);
            }
            let backend = binding.spec.key.source().map_or("", |key| key.backend());
            for deployment in deployments(binding) {
                let labels = [own[0], own[1], &deployment, backend];
                self.info.with_label_values(&labels).set(1);
                all.insert([namespace.clone(), name.clone(), deployment]);
            }
        }
        for (gauge, counted) in [(&self.held, held), (&self.orphans, orphans)] {
            for labels in counted {
                gauge.with_label_values(labels).inc();
            }
        }
        all.retain(|[.., deployment]| !deployment.is_empty());
        self.keep_repairs(all);
    }

    fn condition(&self, [namespace, name]: [&str; 2], condition: &Condition) {
        let type_ = known(&types::ALL, &condition.type_);
        let found = known(&STATUSES, &condition.status);
        for status in STATUSES {
            let labels = [namespace, name, type_, status];
            self.conditions.with_label_values(&labels).set((status == found).into());
        }
        let reason = known(reasons::ALL, &condition.reason);
        self.reasons
            .with_label_values(&[namespace, name, type_, found, reason])
            .set(1);
    }

    fn target(&self, [namespace, name]: [&str; 2], target: &TargetStatus, has_no_ready_pod: bool) {
        let deployment = one_line(&target.name, LONGEST_NAME);
        let labels = [namespace, name, &deployment, known(reasons::ALL, &target.reason)];
        self.deployments.with_label_values(&labels).set(1);
        if has_no_ready_pod {
            self.without_ready_pod.with_label_values(&labels).set(1);
        }
    }

    /// Creates the series before the first repair. Otherwise that repair would not be seen as an increase.
    fn keep_repairs(&self, all: BTreeSet<Labels>) {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        for gone in counted.difference(&all) {
            // The series exists, because `counted` and `repairs` are updated together.
            let _ = self.repairs.remove_label_values(gone);
        }
        for labels in &all {
            self.repairs.with_label_values(labels);
        }
        *counted = all;
    }
}

/// Namespace and name.
fn names(binding: &SignerBinding) -> [String; 2] {
    let metadata = &binding.metadata;
    [&metadata.namespace, &metadata.name].map(|name| name.clone().unwrap_or_default())
}

/// The Deployments of a binding. An empty name if it has none yet.
fn deployments(binding: &SignerBinding) -> BTreeSet<String> {
    let targets = binding.status.iter().flat_map(|status| &status.targets);
    let names = targets.map(|target| &target.name).chain(&binding.spec.target.name);
    let mut all: BTreeSet<_> = names.map(|name| one_line(name, LONGEST_NAME)).collect();
    if all.is_empty() {
        all.insert(String::new());
    }
    all
}

#[cfg(test)]
mod tests {
    use prometheus::{Encoder, Registry, TextEncoder};
    use serde_json::{Value, json};

    use super::*;

    fn binding(name: &str, target: &Value, conditions: &Value, targets: &Value) -> SignerBinding {
        serde_json::from_value(json!({
            "apiVersion": "signer.atto.cash/v1alpha1", "kind": "SignerBinding", "metadata": {"name": name, "namespace": "atto"},
            "spec": {
                "target": target, "capabilities": ["VOTE"], "tokenSecretRef": {"name": "t", "key": "k"},
                "key": {"local": {"secretRef": {"name": "s", "key": "k"}}},
            },
            "status": {"conditions": conditions, "targets": targets},
        }))
        .unwrap()
    }

    fn voter() -> SignerBinding {
        binding(
            "voter",
            &json!({"name": "atto-voter"}),
            &json!([{"type": "Ready", "status": "False", "reason": "Because", "message": "secret words", "lastTransitionTime": "2026-01-01T00:00:00Z"}]),
            &json!([{"name": "atto-voter", "injected": true, "pods": 1, "ready": 0, "reason": "PodsNotReady", "message": "secret words"}]),
        )
    }

    fn shown(metrics: &BindingMetrics) -> Vec<String> {
        let registry = Registry::new();
        for collector in metrics.collectors() {
            registry.register(collector).unwrap();
        }
        let mut text = vec![];
        TextEncoder::new().encode(&registry.gather(), &mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        lines
            .map(|line| line.trim_start_matches("atto_signer_operator_").to_owned())
            .collect()
    }

    fn nothing<'a>() -> Surroundings<'a> {
        Surroundings {
            has_no_ready_pod: &|_, _| false,
            held: vec![],
            orphans: vec![],
        }
    }

    #[test]
    fn a_binding_is_shown_with_its_deployment_and_no_words() {
        let metrics = BindingMetrics::new().unwrap();
        let labels = |name: &str, deployment: &str| ["atto", name, deployment].map(str::to_owned);
        let surroundings = Surroundings {
            has_no_ready_pod: &|_, _| true,
            held: vec![labels("voter", "atto-voter")],
            orphans: vec![labels("voter", ""), labels("voter", "")],
        };
        metrics.take(&[&voter()], &surroundings);
        let own = r#"name="voter",namespace="atto""#;
        assert_eq!(
            shown(&metrics),
            [
                format!(r#"binding_condition{{condition="Ready",{own},status="False"}} 1"#),
                format!(r#"binding_condition{{condition="Ready",{own},status="True"}} 0"#),
                format!(r#"binding_condition{{condition="Ready",{own},status="Unknown"}} 0"#),
                format!(r#"binding_deployment{{deployment="atto-voter",{own},reason="PodsNotReady"}} 1"#),
                format!(r#"binding_deployment_held{{deployment="atto-voter",{own}}} 1"#),
                format!(
                    r#"binding_deployment_without_ready_pod{{deployment="atto-voter",{own},reason="PodsNotReady"}} 1"#
                ),
                format!(r#"binding_info{{backend="LOCAL",deployment="atto-voter",{own}}} 1"#),
                format!(r#"binding_reason{{condition="Ready",{own},reason="Other",status="False"}} 1"#),
                format!(r#"binding_repairs_total{{deployment="atto-voter",{own}}} 0"#),
                format!(r#"orphan{{deployment="",{own}}} 2"#),
            ]
        );
    }

    #[test]
    fn what_is_gone_is_shown_no_more_and_repairs_are_counted_from_0() {
        let metrics = BindingMetrics::new().unwrap();
        let repairs = |metrics: &BindingMetrics| {
            let lines = shown(metrics).into_iter();
            lines
                .filter(|line| line.starts_with("binding_repairs_total"))
                .collect::<Vec<_>>()
        };
        metrics.take(&[&voter()], &nothing());
        metrics.repaired(&voter(), "atto-voter");
        metrics.take(&[&voter()], &nothing());
        assert_eq!(
            repairs(&metrics),
            [r#"binding_repairs_total{deployment="atto-voter",name="voter",namespace="atto"} 1"#]
        );
        metrics.take(&[], &nothing());
        assert_eq!(shown(&metrics), Vec::<String>::new());
        metrics.take(&[&voter()], &nothing());
        assert!(repairs(&metrics)[0].ends_with(" 0"));
    }

    #[test]
    fn one_that_selects_nothing_is_shown_without_a_deployment() {
        let metrics = BindingMetrics::new().unwrap();
        let selects = json!({"selector": {"matchLabels": {"app": "voter"}}});
        metrics.take(&[&binding("new", &selects, &json!([]), &json!([]))], &nothing());
        assert_eq!(
            shown(&metrics),
            [r#"binding_info{backend="LOCAL",deployment="",name="new",namespace="atto"} 1"#]
        );
    }
}
