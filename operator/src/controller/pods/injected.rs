//! The relevant state of a pod that runs an injected template.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;

use crds::names::{DEPLOYMENT_LABEL, HASH_ANNOTATION, KEY_VARIABLE, SIGNER_CONTAINER, TOKEN_VARIABLE, VAULT_VARIABLES};
use k8s_openapi::api::core::v1::{Container, ContainerStatus, EnvVar, Pod, PodSpec};
use kube::{Resource, ResourceExt};

use super::answers::Answers;
use crate::model::pod::{Ahead, InjectedPod, PodWithKey, Waiting};
use crate::model::text::one_line;
use crate::template::names::MANAGEMENT_PORT;
use crate::template::voter::key_name;

/// Maximum length in a status of a signer's last message, or of the kubelet's message about a container.
const LONGEST_TEXT: usize = 512;

/// Reasons of waiting containers that are not a problem.
const ORDINARY: [&str; 2] = ["PodInitializing", "ContainerCreating"];

/// The variables of a signer that identify its voter.
const WHOSE: [&str; 4] = {
    let [address, namespace] = VAULT_VARIABLES;
    [KEY_VARIABLE, TOKEN_VARIABLE, address, namespace]
};

/// Drops unused fields, so that a pod needs little memory.
pub fn prune(pod: &mut Pod) {
    pod.metadata.managed_fields = None;
    if let Some(annotations) = &mut pod.metadata.annotations {
        annotations.retain(|key, _| key == HASH_ANNOTATION);
    }
    if let Some(spec) = pod.spec.take() {
        pod.spec = Some(PodSpec {
            init_containers: Some(pruned(spec.init_containers.unwrap_or_default())),
            service_account_name: spec.service_account_name,
            ..PodSpec::default()
        });
    }
    if let Some(status) = &mut pod.status {
        status.conditions = None;
    }
}

/// The signer, and the names of the containers that start before it.
fn pruned(mut init_containers: Vec<Container>) -> Vec<Container> {
    let end = init_containers.iter().position(|each| each.name == SIGNER_CONTAINER);
    init_containers.truncate(end.map_or(0, |signer| signer + 1));
    for container in &mut init_containers {
        if container.name == SIGNER_CONTAINER {
            let env = container.env.iter_mut().flatten();
            container.env = Some(
                env.filter(|entry| WHOSE.contains(&entry.name.as_str()))
                    .map(|entry| entry.clone())
                    .collect(),
            );
        } else {
            *container = Container {
                name: std::mem::take(&mut container.name),
                restart_policy: container.restart_policy.take(),
                ..Container::default()
            };
        }
    }
    init_containers
}

/// A hash of the fields of a pod that a reconcile uses. An event that does not change it triggers no reconcile.
#[allow(clippy::unnecessary_wraps, reason = "kube-runtime gives the signature")]
pub fn what_matters(pod: &Pod) -> Option<u64> {
    let mut hasher = DefaultHasher::new();
    hash_of(pod).hash(&mut hasher);
    (signer_runs(pod), signer_started(pod)).hash(&mut hasher);
    waiting(pod)
        .map(|found| (found.container, found.reason))
        .hash(&mut hasher);
    ahead(pod)
        .map(|found| (found.container, found.has_failed))
        .hash(&mut hasher);
    statuses(pod).for_each(|container| ended(container).hash(&mut hasher));
    is_over(pod).hash(&mut hasher);
    Some(hasher.finish())
}

/// The value of the operator's label: the short name of the Deployment.
pub fn label(object: &impl Resource) -> &str {
    object.labels().get(DEPLOYMENT_LABEL).map_or("", String::as_str)
}

fn hash_of(pod: &Pod) -> &str {
    pod.annotations().get(HASH_ANNOTATION).map_or("", String::as_str)
}

/// The pod as a reconcile sees it. None if it is being deleted or has ended.
pub fn injected(pod: &Pod, answers: &Answers) -> Option<InjectedPod> {
    if is_over(pod) {
        return None;
    }
    Some(InjectedPod {
        name: pod.name_any(),
        hash: hash_of(pod).to_owned(),
        signer_runs: signer_runs(pod),
        signer_started: signer_started(pod),
        waiting: waiting(pod),
        ahead: ahead(pod),
        token: token(pod),
        answer: answers.of(pod),
    })
}

/// The pod for comparison with others, if its signer runs. Before and after that, its node does not vote.
pub fn running(pod: &Pod) -> Option<PodWithKey> {
    signer_runs(pod).then(|| PodWithKey {
        key: key_name(|name| serde_json::to_value(variable(pod, name)?).ok()),
        is_ending: pod.metadata.deletion_timestamp.is_some(),
    })
}

/// The kubelet's rule, except for readiness gates, which are conditions.
pub fn is_ready(pod: &Pod) -> bool {
    let containers = pod
        .status
        .iter()
        .flat_map(|status| status.container_statuses.iter().flatten());
    let mut all = containers.chain(signer(pod)).peekable();
    !is_over(pod) && all.peek().is_some() && all.all(|container| container.ready)
}

/// Whether a pod has ended or is terminating.
pub fn is_over(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    pod.metadata.deletion_timestamp.is_some() || matches!(phase, Some("Failed" | "Succeeded"))
}

fn signer(pod: &Pod) -> Option<&ContainerStatus> {
    let containers = pod.status.as_ref()?.init_container_statuses.as_ref()?;
    containers.iter().find(|container| container.name == SIGNER_CONTAINER)
}

fn signer_started(pod: &Pod) -> bool {
    signer(pod).and_then(|signer| signer.started).unwrap_or(false)
}

fn signer_runs(pod: &Pod) -> bool {
    signer(pod)
        .and_then(|signer| signer.state.as_ref())
        .is_some_and(|state| state.running.is_some())
}

/// The address of a pod's signer, once its process runs.
pub fn management(pod: &Pod) -> Option<(IpAddr, u16)> {
    if !signer_runs(pod) {
        return None;
    }
    let address = pod.status.as_ref()?.pod_ip.as_ref()?.parse().ok()?;
    let ports = signer_container(pod)?.ports.as_ref()?;
    let port = ports
        .iter()
        .find(|port| port.name.as_deref() == Some(MANAGEMENT_PORT))?;
    Some((address, u16::try_from(port.container_port).ok()?))
}

fn token(pod: &Pod) -> Option<(String, String)> {
    let reference = variable(pod, TOKEN_VARIABLE)?
        .value_from
        .as_ref()?
        .secret_key_ref
        .as_ref()?;
    Some((reference.name.clone(), reference.key.clone()))
}

/// A variable of the signer. Pruned pods have all that are used.
pub(super) fn variable<'a>(pod: &'a Pod, name: &str) -> Option<&'a EnvVar> {
    let mut env = signer_container(pod)?.env.iter().flatten();
    env.find(|entry| entry.name == name)
}

fn init_containers(pod: &Pod) -> &[Container] {
    let spec = pod.spec.as_ref();
    spec.and_then(|spec| spec.init_containers.as_deref())
        .unwrap_or_default()
}

fn signer_container(pod: &Pod) -> Option<&Container> {
    init_containers(pod)
        .iter()
        .find(|container| container.name == SIGNER_CONTAINER)
}

/// The init container before the signer that has started but not finished.
fn ahead(pod: &Pod) -> Option<Ahead> {
    if signer_runs(pod) || signer_started(pod) {
        return None;
    }
    let all = init_containers(pod);
    let before = all.split(|each| each.name == SIGNER_CONTAINER).next()?;
    let found = pod.status.as_ref()?.init_container_statuses.as_ref()?;
    before.iter().find_map(|container| {
        let is_sidecar = container.restart_policy.as_deref() == Some("Always");
        let status = found.iter().find(|status| status.name == container.name)?;
        let state = status.state.as_ref()?;
        let ended = state.terminated.as_ref();
        let is_through = if is_sidecar {
            status.started == Some(true)
        } else {
            ended.is_some_and(|ended| ended.exit_code == 0)
        };
        let has_failed = status.restart_count > 0 || ended.is_some_and(|ended| ended.exit_code != 0);
        (!is_through && (state.running.is_some() || has_failed)).then(|| Ahead {
            container: container.name.clone(),
            since: state.running.as_ref().and_then(|running| running.started_at.clone()),
            has_failed,
        })
    })
}

fn statuses(pod: &Pod) -> impl Iterator<Item = &ContainerStatus> {
    let lists = pod
        .status
        .iter()
        .flat_map(|status| [&status.init_container_statuses, &status.container_statuses]);
    lists.flatten().flatten()
}

fn waiting(pod: &Pod) -> Option<Waiting> {
    statuses(pod)
        .filter_map(|container| {
            let waiting = container.state.as_ref()?.waiting.as_ref()?;
            let said = || one_line(waiting.message.as_deref().unwrap_or_default(), LONGEST_TEXT);
            Some(Waiting {
                container: container.name.clone(),
                reason: waiting.reason.clone()?,
                message: ended(container).unwrap_or_else(said),
            })
        })
        .find(|waiting| !ORDINARY.contains(&waiting.reason.as_str()))
}

/// How a repeatedly restarted container has ended. It says more than the kubelet's current delay, and does not change with it. A
/// signer's last message is in its status; a node's is not shown.
fn ended(container: &ContainerStatus) -> Option<String> {
    let last = container.last_state.as_ref()?.terminated.as_ref()?;
    let code = format!("it ended with exit code {}", last.exit_code);
    let said = one_line(last.message.as_deref().unwrap_or_default(), LONGEST_TEXT);
    if container.name != SIGNER_CONTAINER || said.is_empty() {
        return Some(code);
    }
    Some(format!("{code}: {said}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(state: &serde_json::Value) -> Pod {
        serde_json::from_value(json!({
            "metadata": {"name": "voter-1", "annotations": {"signer.atto.cash/hash": "h", "other": "x"}},
            "spec": {"containers": [{"name": "node"}], "serviceAccountName": "voter", "initContainers": [
                {"name": "first", "ports": [{"containerPort": 1, "name": "signer-mgmt"}]},
                {"name": "signer", "ports": [{"containerPort": 19091, "name": "signer-mgmt"}]},
            ]},
            "status": {"podIP": "fd00::1", "initContainerStatuses": [{
                "name": "signer", "ready": true, "restartCount": 0, "image": "", "imageID": "", "started": true,
                "state": state,
            }]},
        }))
        .unwrap()
    }

    #[test]
    fn asks_a_running_signer_at_its_own_port() {
        let mut running = pod(&json!({"running": {}}));
        prune(&mut running);
        assert_eq!(management(&running), Some(("fd00::1".parse().unwrap(), 19091)));
        let seen = injected(&running, &Answers::default()).unwrap();
        assert_eq!(
            (seen.hash.as_str(), seen.signer_started, seen.waiting),
            ("h", true, None)
        );
        assert_eq!(management(&pod(&json!({"terminated": {"exitCode": 1}}))), None);
    }

    #[test]
    fn tells_what_a_container_waits_for_unless_it_is_ordinary() {
        assert_eq!(waiting(&pod(&json!({"waiting": {"reason": "PodInitializing"}}))), None);
        let stuck = pod(&json!({"waiting": {"reason": "ImagePullBackOff", "message": "not found"}}));
        let found = waiting(&stuck).unwrap();
        assert_eq!(
            (found.container.as_str(), found.reason.as_str(), found.message.as_str()),
            ("signer", "ImagePullBackOff", "not found")
        );
        let crash = |name: &str| {
            let mut pod =
                pod(&json!({"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s restarting"}}));
            let statuses = pod
                .status
                .as_mut()
                .and_then(|status| status.init_container_statuses.as_mut());
            let container = statuses.and_then(|all| all.first_mut()).unwrap();
            name.clone_into(&mut container.name);
            container.last_state = serde_json::from_value(json!({
                "terminated": {"exitCode": 78, "message": "signer: ATTO_SIGNER_KEY: \u{1b}[31mfound none\r\n\n  expected a name\u{7}\n"},
            }))
            .unwrap();
            waiting(&pod).unwrap().message
        };
        assert_eq!(
            crash("signer"),
            "it ended with exit code 78: signer: ATTO_SIGNER_KEY: [31mfound none; expected a name"
        );
        assert_eq!(crash("node"), "it ended with exit code 78");
        assert_ne!(
            what_matters(&stuck),
            what_matters(&pod(&json!({"waiting": {"reason": "PodInitializing"}})))
        );
    }

    #[test]
    fn what_stands_before_the_signer_is_seen_until_it_is_through() {
        let running = json!({"running": {"startedAt": "2026-01-01T00:00:00Z"}});
        let failed = json!({"waiting": {"reason": "CrashLoopBackOff"}});
        let done = json!({"terminated": {"exitCode": 0}});
        let of = |first: &serde_json::Value,
                  policy: Option<&str>,
                  started: bool,
                  restarts: i32,
                  signer: &serde_json::Value| {
            let mut pod = pod(signer);
            let init = pod.spec.as_mut().and_then(|spec| spec.init_containers.as_mut());
            init.unwrap()[0].restart_policy = policy.map(str::to_owned);
            prune(&mut pod);
            let statuses = pod
                .status
                .as_mut()
                .and_then(|status| status.init_container_statuses.as_mut())
                .unwrap();
            statuses[0].started = Some(false);
            let status = json!({
                "name": "first", "ready": false, "restartCount": restarts, "image": "", "imageID": "", "started": started,
                "state": first,
            });
            statuses.insert(0, serde_json::from_value(status).unwrap());
            ahead(&pod).map(|found| (found.container, found.has_failed))
        };
        let waits = json!({"waiting": {"reason": "PodInitializing"}});
        let seen = |has_failed| Some(("first".to_owned(), has_failed));
        assert_eq!(of(&running, None, false, 0, &waits), seen(false));
        assert_eq!(of(&failed, None, false, 2, &waits), seen(true));
        assert_eq!(of(&done, None, false, 0, &waits), None, "it is through");
        assert_eq!(
            of(&running, Some("Always"), true, 0, &waits),
            None,
            "a sidecar that has started"
        );
        assert_eq!(
            of(&running, Some("Always"), false, 0, &waits),
            seen(false),
            "one that has not"
        );
        assert_eq!(of(&running, None, false, 0, &running), None, "the signer runs");
    }
}
