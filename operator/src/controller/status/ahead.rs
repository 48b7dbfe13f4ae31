//! Init containers before the signer. Kubernetes starts them one after the other, so an init container that waits for the signer
//! blocks the signer's start, and the pod never starts.

use std::time::Duration;

use crds::conditions::warnings;
use crds::names::{NODE_VARIABLES, SIGNER_CONTAINER};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::Value;

use crate::backends::Noted;
use crate::model::deployment::{ContainerList, LiveDeployment};
use crate::model::pod::{Ahead, InjectedPod};

/// Any init container that runs longer than this before the signer is reported.
pub const LONG: Duration = Duration::from_mins(1);

/// A warning about an init container that mentions the signer, or that has delayed it for long.
pub fn warning(live: &LiveDeployment, pods: &[InjectedPod], now: &Time) -> Option<Noted> {
    let held = pods
        .iter()
        .find_map(|pod| Some((pod, pod.ahead.as_ref().filter(|ahead| is_long(ahead, now))?)));
    let found = match held {
        Some((pod, ahead)) => format!(
            "Pod {}: init container {} {}, and runs before the signer, which starts only after it has ended",
            pod.name,
            ahead.container,
            if ahead.has_failed { "fails" } else { "still runs" }
        ),
        None => format!(
            "Init container {} mentions the signer and runs before it: the signer starts only after it has ended",
            mentioning(live)?
        ),
    };
    Some((
        warnings::INIT_CONTAINER_BEFORE_SIGNER,
        format!(
            "{found}. If it waits for the signer, the pod never starts. Remove that wait: Kubernetes starts the node only after the signer has started"
        ),
    ))
}

fn is_long(ahead: &Ahead, now: &Time) -> bool {
    let runs = |since: &Time| Duration::try_from(now.0.duration_since(since.0)).unwrap_or_default();
    ahead.has_failed || ahead.since.as_ref().is_some_and(|since| runs(since) >= LONG)
}

/// The first init container before the signer that mentions it: its ports, its name, or the node's variables.
fn mentioning(live: &LiveDeployment) -> Option<&str> {
    let all = live.containers(ContainerList::InitContainers);
    let end = all.iter().position(|each| each["name"] == SIGNER_CONTAINER)?;
    let ports: Vec<_> = all[end]["ports"].as_array().into_iter().flatten().collect();
    let ports: Vec<_> = ports
        .iter()
        .filter_map(|port| port["containerPort"].as_i64())
        .map(|port| port.to_string())
        .collect();
    let speaks_of_it = |container: &&Value| {
        let words = texts(container);
        let is_meant = |text: &str| {
            let mut words = text.split(|each: char| !each.is_ascii_alphanumeric() && each != '_');
            words.any(|word| {
                word.eq_ignore_ascii_case(SIGNER_CONTAINER)
                    || NODE_VARIABLES.contains(&word)
                    || ports.iter().any(|port| port == word)
            })
        };
        words.into_iter().any(is_meant)
    };
    all[..end].iter().filter(|each| blocks(each)).find(speaks_of_it)?["name"].as_str()
}

/// Kubernetes waits for another sidecar only until its startup probe has succeeded.
fn blocks(container: &Value) -> bool {
    container["restartPolicy"] != "Always" || !container["startupProbe"].is_null()
}

/// An init container's name and command, and the names and values of its variables.
fn texts(container: &Value) -> Vec<&str> {
    let mut found: Vec<_> = container["name"].as_str().into_iter().collect();
    for list in ["command", "args"] {
        found.extend(
            container[list]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str),
        );
    }
    for entry in container["env"].as_array().into_iter().flatten() {
        found.extend(
            [&entry["name"], &entry["value"]]
                .into_iter()
                .filter_map(|text| text.as_str()),
        );
    }
    let probe = &container["startupProbe"];
    found.extend(
        probe["exec"]["command"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str),
    );
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn live(before: &[Value]) -> LiveDeployment {
        let mut containers = before.to_vec();
        containers.push(json!({"name": "signer", "restartPolicy": "Always", "ports": [{"containerPort": 9090}, {"containerPort": 9091}]}));
        containers.push(json!({"name": "wait-for-signer", "restartPolicy": "OnFailure"}));
        LiveDeployment::new(json!({"spec": {"template": {"spec": {"initContainers": containers}}}}))
    }

    #[test]
    fn one_that_speaks_of_the_signer_is_named() {
        for (container, expected) in [
            (
                json!({"name": "wait", "command": ["sh", "-c", "until nc -z localhost 9090; do sleep 1; done"]}),
                true,
            ),
            (
                json!({"name": "wait", "args": ["http://127.0.0.1:9091/health/readiness"]}),
                true,
            ),
            (
                json!({"name": "wait", "command": ["curl", "$(ATTO_SIGNER_REMOTE_URL)/public-keys"]}),
                true,
            ),
            (json!({"name": "wait-for-signer"}), true),
            (
                json!({"name": "wait", "env": [{"name": "HOST", "value": "signer:9090"}]}),
                true,
            ),
            (
                json!({"name": "proxy", "restartPolicy": "Always", "command": ["signer"]}),
                false,
            ),
            (
                json!({"name": "proxy", "restartPolicy": "Always", "startupProbe": {"exec": {"command": ["nc", "-z", "localhost", "9090"]}}}),
                true,
            ),
            (
                json!({"name": "wait-for-db", "command": ["nc", "-z", "db", "5432"]}),
                false,
            ),
            (json!({"name": "designer", "args": ["19090", "--designers=3"]}), false),
        ] {
            let found = live(std::slice::from_ref(&container));
            assert_eq!(mentioning(&found).is_some(), expected, "{container}");
        }
        assert_eq!(
            mentioning(&live(&[])),
            None,
            "what comes after the signer may wait for it"
        );
    }

    #[test]
    fn one_that_keeps_the_signer_from_starting_is_told_of_when_it_takes_long() {
        let now = Time("2026-01-01T00:10:00Z".parse().unwrap());
        let of = |since: &str, has_failed: bool| {
            let pod = InjectedPod {
                name: "voter-1".to_owned(),
                hash: String::new(),
                signer_runs: false,
                signer_started: false,
                waiting: None,
                ahead: Some(Ahead {
                    container: "migrate".to_owned(),
                    since: Some(Time(since.parse().unwrap())),
                    has_failed,
                }),
                token: None,
                answer: None,
            };
            warning(&live(&[json!({"name": "migrate"})]), &[pod], &now).map(|(_, message)| message)
        };
        assert_eq!(of("2026-01-01T00:09:30Z", false), None, "it may be done in a moment");
        let told = of("2026-01-01T00:01:00Z", false).unwrap();
        assert!(
            told.starts_with("Pod voter-1: init container migrate still runs"),
            "{told}"
        );
        assert!(of("2026-01-01T00:09:59Z", true).is_some(), "it has failed before");
    }
}
