//! Metrics about bindings and their leftovers, counted from the watches at each scrape.

use std::collections::{BTreeMap, HashSet};

use crds::{SignerBinding, TargetStatus};
use futures::FutureExt;
use prometheus::core::Collector;
use prometheus::{IntGauge, IntGaugeVec, Opts};

use crate::cluster::stores::Stores;
use crate::controller::pods;
use crate::telemetry::binding_metrics::{BindingMetrics, Surroundings};
use crate::telemetry::counts::{Name, by_condition, by_reason, held_by, name, orphaned, orphans_by, owner, served};
use crate::template::names::short_name;

/// The gauges.
pub struct StateMetrics {
    orphans: IntGauge,
    held: IntGauge,
    bindings: IntGaugeVec,
    deployments: IntGaugeVec,
    without_ready_pod: IntGaugeVec,
    /// The metrics with names, if they are enabled.
    named: Option<BindingMetrics>,
}

impl StateMetrics {
    /// Without counts. `named` says whether bindings and Deployments are shown by name as well.
    ///
    /// # Errors
    /// Fails if a metric name is invalid, which is a defect of this file.
    pub fn new(named: bool) -> Result<Self, prometheus::Error> {
        let bindings = Opts::new(
            "atto_signer_operator_bindings",
            "SignerBindings by condition, status and reason.",
        );
        let deployments = Opts::new(
            "atto_signer_operator_deployments",
            "Deployments of SignerBindings, by the reason why they are or are not ready.",
        );
        let without_ready_pod = Opts::new(
            "atto_signer_operator_deployments_without_ready_pod",
            "Deployments with a signer that want pods and have no ready one, by reason.",
        );
        Ok(Self {
            orphans: IntGauge::new(
                "atto_signer_operator_orphans",
                "Deployments and other owners of pods with an injected signer and no SignerBinding.",
            )?,
            held: IntGauge::new(
                "atto_signer_operator_held_deployments",
                "Deployments that were created without their signer and wait for it before their first pod starts.",
            )?,
            bindings: IntGaugeVec::new(bindings, &["condition", "status", "reason"])?,
            deployments: IntGaugeVec::new(deployments, &["reason"])?,
            without_ready_pod: IntGaugeVec::new(without_ready_pod, &["reason"])?,
            named: named.then(BindingMetrics::new).transpose()?,
        })
    }

    /// The metrics with names, if they are enabled.
    pub fn named(&self) -> Option<&BindingMetrics> {
        self.named.as_ref()
    }

    /// The collectors of all metrics.
    pub fn collectors(&self) -> impl Iterator<Item = Box<dyn Collector>> {
        let counts: [Box<dyn Collector>; 5] = [
            Box::new(self.orphans.clone()),
            Box::new(self.held.clone()),
            Box::new(self.bindings.clone()),
            Box::new(self.deployments.clone()),
            Box::new(self.without_ready_pod.clone()),
        ];
        let named = self.named.iter().flat_map(BindingMetrics::collectors);
        counts.into_iter().chain(named)
    }

    /// Counts from the watches.
    pub fn take(&self, stores: &Stores) {
        let Stores {
            bindings,
            pods,
            services,
            held,
            strays,
        } = stores;
        self.held.set(i64::try_from(held.len()).unwrap_or(i64::MAX));
        // Before the first list of bindings, every Deployment looks like an orphan.
        if bindings
            .wait_until_ready()
            .now_or_never()
            .is_none_or(|ready| ready.is_err())
        {
            return;
        }
        let bindings = bindings.state();
        let bindings: Vec<&SignerBinding> = bindings.iter().filter_map(|guarded| guarded.0.as_ref().ok()).collect();
        let services = services.state();
        let served: HashSet<_> = bindings.iter().flat_map(|binding| served(binding)).collect();
        let uids: HashSet<_> = bindings
            .iter()
            .filter_map(|binding| binding.metadata.uid.as_deref())
            .collect();
        let strays = strays.of(|binding| uids.contains(binding));
        let orphaned: HashSet<_> = services
            .iter()
            .filter_map(|service| orphaned(service, &served))
            .collect();
        let owners = strays.iter().map(|(_, stray)| owner(stray));
        let orphans: HashSet<_> = orphaned
            .iter()
            .map(|name| ("Deployment", *name))
            .chain(owners)
            .collect();
        self.orphans.set(i64::try_from(orphans.len()).unwrap_or(i64::MAX));
        // Otherwise values that no longer occur would stay.
        self.bindings.reset();
        for (labels, count) in by_condition(&bindings) {
            self.bindings.with_label_values(&labels).set(count);
        }
        set(&self.deployments, by_reason(&bindings, |_, _| true));
        let pods = pods.state();
        let strange: HashSet<_> = strays
            .iter()
            .flat_map(|(_, stray)| &stray.pods)
            .map(String::as_str)
            .collect();
        let ready: HashSet<Name> = pods
            .iter()
            .filter(|pod| pods::is_ready(pod) && !strange.contains(pod.metadata.uid.as_deref().unwrap_or_default()))
            .map(|pod| name(pod))
            .collect();
        let has_none = |namespace: Option<&str>, target: &TargetStatus| {
            let is_wanted = target.injected && target.pods > 0;
            is_wanted && !ready.contains(&(namespace, short_name(&target.name).as_ref()))
        };
        set(&self.without_ready_pod, by_reason(&bindings, has_none));
        if let Some(named) = &self.named {
            let surroundings = Surroundings {
                has_no_ready_pod: &has_none,
                held: held.state().iter().map(|held| held_by(held, &bindings)).collect(),
                orphans: orphans_by(&bindings, &orphaned, &strays),
            };
            named.take(&bindings, &surroundings);
        }
    }
}

fn set(gauge: &IntGaugeVec, counts: BTreeMap<&'static str, i64>) {
    gauge.reset();
    for (reason, count) in counts {
        gauge.with_label_values(&[reason]).set(count);
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::{Pod, Service};
    use kube::api::PartialObjectMeta;
    use kube::core::DeserializeGuard;
    use kube::runtime::reflector::Store;
    use kube::runtime::{reflector, watcher::Event};
    use serde_json::json;

    use super::*;
    use crate::cluster::stores::Strays;
    use crate::model::stray::Stray;

    fn binding(conditions: &serde_json::Value, targets: &serde_json::Value) -> SignerBinding {
        serde_json::from_value(json!({
            "apiVersion": "signer.atto.cash/v1alpha1", "kind": "SignerBinding", "metadata": {"name": "voter"},
            "spec": {
                "target": {"name": "voter"}, "capabilities": ["VOTE"], "tokenSecretRef": {"name": "t", "key": "k"},
                "key": {"local": {"secretRef": {"name": "s", "key": "k"}}},
            },
            "status": {"conditions": conditions, "targets": targets},
        }))
        .unwrap()
    }

    #[test]
    fn bindings_are_counted_by_reason_and_a_stranger_makes_no_label_values() {
        let condition = |type_: &str, status: &str, reason: &str| json!({"type": type_, "status": status, "reason": reason, "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"});
        let target = |name: &str, reason: &str| json!({"name": name, "injected": true, "pods": 1, "ready": 1, "reason": reason, "message": ""});
        let first = binding(
            &json!([
                condition("TokenReady", "False", "RotationPending"),
                condition("Ready", "True", "Ready")
            ]),
            &json!([target("a", "Ready"), target("b", "Progressing")]),
        );
        let second = binding(
            &json!([
                condition("Ready", "True", "Ready"),
                condition("Mine", "Maybe", "Because")
            ]),
            &json!([target("a", "Ready"), target("c", "Because")]),
        );
        let bindings = [&first, &second];
        assert_eq!(
            by_condition(&bindings),
            BTreeMap::from([
                (["Other", "Other", "Other"], 1),
                (["Ready", "True", "Ready"], 2),
                (["TokenReady", "False", "RotationPending"], 1),
            ])
        );
        assert_eq!(
            by_reason(&bindings, |_, _| true),
            BTreeMap::from([("Other", 1), ("Progressing", 1), ("Ready", 2)])
        );
    }

    /// A store whose first list contains these objects.
    fn store_of<K>(objects: Vec<K>) -> reflector::Store<K>
    where
        K: reflector::Lookup + Clone + 'static,
        K::DynamicType: Default + Clone + Eq + std::hash::Hash,
    {
        let (store, mut writer) = reflector::store();
        let listed = objects.into_iter().map(Event::InitApply);
        for event in [Event::Init].into_iter().chain(listed).chain([Event::InitDone]) {
            writer.apply_watcher_event(&event);
        }
        store
    }

    fn stores(
        bindings: &Store<DeserializeGuard<SignerBinding>>,
        services: &Store<PartialObjectMeta<Service>>,
        pods: &Store<Pod>,
        strays: &Strays,
    ) -> Stores {
        Stores {
            bindings: bindings.clone(),
            pods: pods.clone(),
            services: services.clone(),
            held: reflector::store().0,
            strays: strays.clone(),
        }
    }

    #[test]
    fn nothing_is_an_orphan_before_the_bindings_are_known() {
        let state_metrics = StateMetrics::new(true).unwrap();
        let service: PartialObjectMeta<Service> = serde_json::from_value(json!({"metadata": {
            "name": "voter-signer", "namespace": "atto",
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "Deployment", "name": "voter", "uid": "1"}],
        }}))
        .unwrap();
        let services = store_of(vec![service]);
        let (bindings, mut listed) = reflector::store();
        let (pods, _) = reflector::store();
        state_metrics.take(&stores(&bindings, &services, &pods, &Strays::default()));
        assert_eq!(state_metrics.orphans.get(), 0);
        listed.apply_watcher_event(&Event::Init);
        listed.apply_watcher_event(&Event::InitDone);
        state_metrics.take(&stores(&bindings, &services, &pods, &Strays::default()));
        assert_eq!(state_metrics.orphans.get(), 1);
    }

    #[test]
    fn what_runs_a_voters_pods_elsewhere_is_an_orphan_and_its_pods_are_not_the_voters() {
        let mut voter = binding(
            &json!([]),
            &json!([{"name": "voter", "injected": true, "pods": 1, "ready": 0, "reason": "PodsNotReady", "message": ""}]),
        );
        voter.metadata.namespace = Some("atto".to_owned());
        voter.metadata.uid = Some("b".to_owned());
        let pod: Pod = serde_json::from_value(json!({
            "metadata": {"name": "p", "uid": "p", "namespace": "atto", "labels": {"signer.atto.cash/deployment": "voter"}},
            "status": {"containerStatuses": [{"name": "node", "ready": true, "image": "", "imageID": "", "restartCount": 0}]},
        }))
        .unwrap();
        let pods = store_of(vec![pod]);
        let bindings = store_of(vec![DeserializeGuard(Ok(voter))]);
        let (services, _) = reflector::store();
        let strays = Strays::default();
        let copy = Stray {
            namespace: "atto".to_owned(),
            kind: "Deployment".to_owned(),
            name: "voter-copy".to_owned(),
            label: "voter".to_owned(),
            pods: vec!["p".to_owned()],
        };
        let state_metrics = StateMetrics::new(true).unwrap();
        let counts = |strays: &Strays| {
            state_metrics.take(&stores(&bindings, &services, &pods, strays));
            let without = state_metrics
                .without_ready_pod
                .with_label_values(&["PodsNotReady"])
                .get();
            (state_metrics.orphans.get(), without)
        };
        assert_eq!(counts(&strays), (0, 0));
        assert_eq!(strays.note("b", std::slice::from_ref(&copy)).len(), 1);
        assert_eq!(counts(&strays), (1, 1), "the ready pod is the copy's");
        assert!(strays.note("b", &[copy]).is_empty(), "told once");
        strays.retain(|binding| binding != "b");
        assert_eq!(counts(&strays), (0, 0));
    }

    #[test]
    fn a_voter_without_a_ready_pod_is_counted_whatever_hides_it() {
        let target = |name: &str, pods: i32, injected: bool, reason: &str| json!({"name": name, "injected": injected, "pods": pods, "ready": 0, "reason": reason, "message": ""});
        let mut voter = binding(
            &json!([]),
            &json!([
                target("down", 1, true, "SecretNotFound"),
                target("half", 1, true, "PodsNotReady"),
                target("old", 1, true, "RotationPending"),
                target("zero", 0, true, "ScaledToZero"),
                target("bare", 1, false, "ApprovalPending"),
            ]),
        );
        voter.metadata.namespace = Some("atto".to_owned());
        let pod = |deployment: &str, node: bool| -> Pod {
            let status = |name: &str, ready: bool| json!({"name": name, "ready": ready, "image": "", "imageID": "", "restartCount": 0});
            serde_json::from_value(json!({
                "metadata": {"name": deployment, "namespace": "atto", "labels": {"signer.atto.cash/deployment": deployment}},
                "status": {"initContainerStatuses": [status("signer", true)], "containerStatuses": [status("node", node)]},
            }))
            .unwrap()
        };
        let pods = store_of(vec![pod("half", false), pod("old", true)]);
        let bindings = store_of(vec![DeserializeGuard(Ok(voter))]);
        let (services, _) = reflector::store();
        let state_metrics = StateMetrics::new(true).unwrap();
        state_metrics.take(&stores(&bindings, &services, &pods, &Strays::default()));
        let count = |reason: &str| state_metrics.without_ready_pod.with_label_values(&[reason]).get();
        assert_eq!(["SecretNotFound", "PodsNotReady"].map(count), [1, 1]);
        assert_eq!(
            ["RotationPending", "ScaledToZero", "ApprovalPending"].map(count),
            [0, 0, 0]
        );
    }
}
