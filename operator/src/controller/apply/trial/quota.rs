//! Interprets a ResourceQuota's refusal of a pod that replaces another one. Pure. A dry run is counted in addition to the present
//! use. If the old pod ends first, its share is free by then.

use serde_json::Value;

use crate::template::quantity::nano;

/// A refusal by a quota, in the API server's words: `exceeded quota: NAME, requested: A=1,B=2, used: …, limited: …`.
#[derive(Debug, PartialEq, Eq)]
pub struct Exceeded {
    name: String,
    resources: Vec<Exceeding>,
}

#[derive(Debug, PartialEq, Eq)]
struct Exceeding {
    resource: String,
    requested: i128,
    used: i128,
    limited: i128,
}

impl Exceeded {
    /// None for another refusal, or an unknown wording.
    pub fn parse(text: &str) -> Option<Self> {
        let (_, text) = text.split_once("exceeded quota: ")?;
        let (name, text) = text.split_once(", requested: ")?;
        let (requested, text) = text.split_once(", used: ")?;
        let (used, limited) = text.split_once(", limited: ")?;
        let limited = limited.split_whitespace().next()?;
        let in_list = |list: &str, resource: &str| {
            let mut entries = list.split(',').filter_map(|entry| entry.split_once('='));
            let (_, value) = entries.find(|(name, _)| *name == resource)?;
            nano(&Value::String(value.to_owned()))
        };
        let names = requested.split(',').filter_map(|entry| entry.split_once('='));
        let resources = names.map(|(resource, _)| {
            Some(Exceeding {
                resource: resource.to_owned(),
                requested: in_list(requested, resource)?,
                used: in_list(used, resource)?,
                limited: in_list(limited, resource)?,
            })
        });
        Some(Self {
            name: name.to_owned(),
            resources: resources
                .collect::<Option<_>>()
                .filter(|all: &Vec<_>| !all.is_empty())?,
        })
    }
}

/// The answer for a pod of the present template.
pub struct Old<'a> {
    /// The pod as admitted, with all defaults, otherwise as sent.
    pub pod: &'a Value,
    pub is_admitted: bool,
    pub exceeded: Option<Exceeded>,
}

/// Whether the new pods fit after this many old ones have ended.
pub fn fits_in_their_place(new: &Exceeded, old: &Old<'_>, pods: i64) -> bool {
    let pods = i128::from(pods.max(1));
    new.resources.iter().all(|exceeding| {
        let Exceeding {
            resource: _,
            requested,
            used,
            limited,
        } = exceeding;
        let freed = (freed(&new.name, exceeding, old) * pods).min(*used);
        used - freed + requested * pods <= *limited
    })
}

/// The amount that the quota counts for one old pod.
fn freed(quota: &str, exceeding: &Exceeding, old: &Old<'_>) -> i128 {
    let same = old.exceeded.iter().filter(|other| other.name == quota);
    let mut said = same.flat_map(|other| &other.resources);
    if let Some(said) = said.find(|said| said.resource == exceeding.resource) {
        return said.requested;
    }
    let counted = counted(old.pod, &exceeding.resource);
    // The old pod would have been refused too if this quota applied to it. Some quotas apply only to a class of pods.
    if old.is_admitted && exceeding.used + counted > exceeding.limited {
        return 0;
    }
    counted
}

const ONE: i128 = 1_000_000_000;

/// The amount that a quota counts for a pod, in billionths.
fn counted(pod: &Value, resource: &str) -> i128 {
    match resource.split_once('.') {
        _ if matches!(resource, "pods" | "count/pods") => ONE,
        Some(("limits", name)) => asked(pod, name, |resources| nano(&resources["limits"][name])),
        other => {
            let name = other.map_or(resource, |(_, name)| name);
            // A missing request equals the limit.
            asked(pod, name, |resources| {
                nano(&resources["requests"][name]).or_else(|| nano(&resources["limits"][name]))
            })
        }
    }
}

/// The maximum that the containers request at one time: all long-running ones, or during the start the largest init container
/// with the sidecars before it.
/// Source: <https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/#resource-sharing-within-containers>
fn asked(pod: &Value, name: &str, of: impl Fn(&Value) -> Option<i128>) -> i128 {
    let spec = &pod["spec"];
    if let Some(of_pod) = of(&spec["resources"]) {
        return of_pod;
    }
    let list = |field: &str| spec[field].as_array().cloned().unwrap_or_default();
    let (mut sidecars, mut largest) = (0, 0);
    for container in list("initContainers") {
        let own = of(&container["resources"]).unwrap_or_default();
        if container["restartPolicy"] == "Always" {
            sidecars += own;
            largest = largest.max(sidecars);
        } else {
            largest = largest.max(sidecars + own);
        }
    }
    let containers: i128 = list("containers")
        .iter()
        .map(|container| of(&container["resources"]).unwrap_or_default())
        .sum();
    largest.max(containers + sidecars) + nano(&spec["overhead"][name]).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn exceeded(resource: &str, requested: &str, used: &str, limited: &str) -> Exceeded {
        let text = format!(
            "exceeded quota: small, requested: {resource}={requested}, used: {resource}={used}, limited: {resource}={limited}"
        );
        Exceeded::parse(&text).unwrap()
    }

    fn pod(memory: &str) -> Value {
        json!({"spec": {"containers": [{"name": "node", "resources": {"limits": {"memory": memory}}}]}})
    }

    fn fits(new: &Exceeded, pod: &Value, is_admitted: bool, old: Option<Exceeded>) -> bool {
        let old = Old {
            pod,
            is_admitted,
            exceeded: old,
        };
        fits_in_their_place(new, &old, 1)
    }

    #[test]
    fn reads_what_the_api_server_says_and_nothing_else() {
        let several = "pods \"x\" is forbidden: exceeded quota: q, requested: limits.cpu=1,pods=1, used: limits.cpu=500m,pods=2, limited: limits.cpu=1,pods=2";
        let found = Exceeded::parse(several).unwrap();
        assert_eq!(found.name, "q");
        assert_eq!(found.resources.len(), 2);
        assert_eq!(found.resources[0].used, ONE / 2);
        for other in [
            "failed quota: q: must specify limits.cpu for: node",
            "exceeded quota: q, requested: , used: , limited: ",
            "exceeded quota: q",
        ] {
            assert_eq!(Exceeded::parse(other), None, "{other}");
        }
    }

    #[test]
    fn what_has_room_once_the_old_pod_is_gone_is_no_refusal() {
        let of = |limited: &str| exceeded("limits.memory", "1152Mi", "1Gi", limited);
        // An additional pod of either kind does not fit, but a replacement does.
        let old = |limited: &str| Some(exceeded("limits.memory", "1Gi", "1Gi", limited));
        assert!(fits(&of("1152Mi"), &pod("1Gi"), false, old("1152Mi")));
        assert!(!fits(&of("1Gi"), &pod("1Gi"), false, old("1Gi")));
        // An additional old pod fits, but a new one does not.
        assert!(fits(&of("2Gi"), &pod("1Gi"), true, None));
        assert!(!fits(
            &exceeded("limits.memory", "3Gi", "1Gi", "2Gi"),
            &pod("1Gi"),
            true,
            None
        ));
        // Other pods use the quota.
        assert!(!fits(
            &exceeded("limits.memory", "1152Mi", "10Gi", "10Gi"),
            &pod("1Gi"),
            false,
            Some(exceeded("limits.memory", "1Gi", "10Gi", "10Gi"))
        ));
        assert!(fits(
            &exceeded("pods", "1", "1", "1"),
            &pod("1Gi"),
            false,
            Some(exceeded("pods", "1", "1", "1"))
        ));
    }

    #[test]
    fn a_quota_that_does_not_count_the_old_pod_gets_nothing_back() {
        // The quota applies to another class of pods: the old one was admitted although the quota is full.
        assert!(!fits(
            &exceeded("pods", "1", "1", "1"),
            &json!({"spec": {}}),
            true,
            None
        ));
    }

    #[test]
    fn a_pod_is_counted_as_the_api_server_counts_it() {
        let pod = json!({"spec": {
            "overhead": {"cpu": "10m"},
            "initContainers": [
                {"restartPolicy": "Always", "resources": {"requests": {"cpu": "100m"}}},
                {"resources": {"requests": {"cpu": "2"}, "limits": {"cpu": "3"}}},
            ],
            "containers": [{"resources": {"limits": {"cpu": "500m"}}}, {}],
        }});
        let milli = |resource: &str| counted(&pod, resource) / (ONE / 1000);
        assert_eq!(milli("requests.cpu"), 2110);
        assert_eq!(milli("cpu"), 2110);
        assert_eq!(milli("limits.cpu"), 3010);
        assert_eq!(milli("limits.memory"), 0);
        assert_eq!(counted(&pod, "count/pods"), ONE);
        let of_pod = json!({"spec": {"resources": {"limits": {"cpu": "1"}}, "containers": [{"resources": {"limits": {"cpu": "5"}}}]}});
        assert_eq!(counted(&of_pod, "limits.cpu"), ONE);
    }
}
