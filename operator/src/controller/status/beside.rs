//! Old pods that still run alongside the new ones. During that time, two voters have the same key.

use crate::model::deployment::LiveDeployment;
use crate::model::observed::ObservedTarget;
use crate::template::voter::key_of;

/// How many terminating pods run with the key of the template, beyond the wanted number. Other warnings report that the
/// Deployment wants too many pods or lets them overlap.
pub fn old_pods(target: &ObservedTarget, live: Option<&LiveDeployment>) -> i64 {
    let Some((live, key)) = live.and_then(|live| Some((live, live.signer().and_then(key_of)?))) else {
        return 0;
    };
    let (mut standing, mut ending, mut known) = (0, 0, 0);
    for pod in &target.running {
        let has_the_key = i64::from(pod.key.as_deref() == Some(key.as_str()));
        if pod.is_ending {
            ending += has_the_key;
            known += 1;
        } else {
            standing += has_the_key;
        }
    }
    // The cluster's own count, from Kubernetes 1.35 on. The operator does not watch pods from before the injection, and their
    // node may have the key too.
    ending += (live.count("terminatingReplicas") - known).max(0);
    if standing == 0 {
        return 0;
    }
    (standing + ending - live.replicas()).clamp(0, ending)
}

/// The warning's message.
pub fn told(old_pods: i64) -> String {
    let (pods, they) = match old_pods {
        1 => ("1 old pod".to_owned(), "it has"),
        more => (format!("{more} old pods"), "they have"),
    };
    format!("{pods} with the same key still run alongside the new one: until {they} ended, two voters have one key")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::observed::Selection;
    use crate::model::pod::PodWithKey;

    fn of(pods: &[(&str, bool)], replicas: i64, terminating: i64) -> i64 {
        let running = pods.iter().map(|(key, is_ending)| PodWithKey {
            key: Some((*key).to_owned()),
            is_ending: *is_ending,
        });
        let target = ObservedTarget {
            name: "voter".to_owned(),
            deployment: None,
            service: None,
            rivals: vec![],
            pods: vec![],
            running: running.collect(),
            selection: Selection::Selected,
        };
        let signer = json!({"name": "signer", "env": [{"name": "ATTO_SIGNER_KEY", "value": "k"}]});
        let live = LiveDeployment::new(json!({
            "spec": {"replicas": replicas, "template": {"spec": {"initContainers": [signer]}}},
            "status": {"terminatingReplicas": terminating},
        }));
        old_pods(&target, Some(&live))
    }

    #[test]
    fn only_pods_that_end_beside_a_new_one_with_their_key_count() {
        let (new, old) = (("k", false), ("k", true));
        for (pods, replicas, terminating, expected, why) in [
            (&[new][..], 1, 0, 0, "nothing else runs"),
            (&[new, old], 1, 1, 1, "both run"),
            (&[new, old], 1, 0, 1, "the cluster does not count it"),
            (&[old], 1, 1, 0, "the new one does not sign yet"),
            (&[new, ("other", true)], 1, 1, 0, "the old one has another key"),
            (&[new], 1, 1, 1, "a pod without a signer of ours"),
            (
                &[new, new],
                1,
                0,
                0,
                "an overlap of the strategy, of which the warning about it tells",
            ),
            (&[new, new, old, old], 2, 2, 2, "of several"),
        ] {
            assert_eq!(of(pods, replicas, terminating), expected, "{why}");
        }
    }
}
