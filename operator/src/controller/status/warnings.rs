//! Warnings: problems that do not block.

use crds::Warning;
use crds::conditions::warnings;
use crds::names::PRIVATE_KEY_VARIABLE;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::Value;

use super::{ahead, beside, strays, token};
use crate::backends::{self, KeyBackend, Noted};
use crate::model::applied::Applied;
use crate::model::deployment::{ContainerList, LiveDeployment};
use crate::model::observed::{Observed, SameKey};
use crate::model::reason::Reason;
use crate::model::text::shorten;
use crate::template::names::short_name;

/// Limits the size of the status. After a person has fixed these, the others become visible.
const MOST: usize = 64;

/// Some contain text from others.
const LONGEST: usize = 1024;

/// The warnings of the binding, followed by those of its Deployments by name.
pub fn warnings(observed: &Observed, applied: &Applied, now: &Time) -> Vec<Warning> {
    let binding = &observed.binding;
    let own = binding.spec.target.name.clone().unwrap_or_default();
    let backend = backends::of(&binding.spec.key);
    let note = backend.and_then(KeyBackend::note);
    let shared = backend.and_then(|backend| shared_key(observed, backend.field()));
    let audience = backend.and_then(KeyBackend::audience);
    let for_api_server = audience.as_deref().and_then(|audience| {
        token::for_api_server(observed, backend.map(KeyBackend::field).unwrap_or_default(), audience)
    });
    let of_binding = note.into_iter().chain(shared).chain(for_api_server);
    let mut found: Vec<_> = of_binding
        .map(|(reason, message)| warning(reason, &own, &message))
        .collect();
    let namespace = binding.metadata.namespace.as_deref().unwrap_or_default();
    let pairs = observed.targets.iter().zip(&applied.targets);
    let in_place: Vec<_> = pairs
        .filter_map(|(target, applied)| Some(strays::in_place_of(observed, target, applied.deployment.as_ref()?)))
        .flatten()
        .collect();
    let field = backend.map(KeyBackend::field).unwrap_or_default();
    for (label, (reason, message)) in strays::shared_key(&observed.same_key, namespace, &in_place, field) {
        let copied = observed.targets.iter().find(|target| short_name(&target.name) == label);
        found.push(warning(reason, copied.map_or(&own, |target| &target.name), &message));
    }
    let refused = applied.refused.iter();
    found.extend(refused.map(|refusal| warning(warnings::WRITE_REFUSED, &own, &refusal.message)));
    for (target, applied) in observed.targets.iter().zip(&applied.targets) {
        let Some(live) = applied.deployment.as_ref().filter(|_| target.is_selected()) else {
            continue;
        };
        let old_pods = beside::old_pods(target, Some(live));
        let of_deployment = [
            private_key(live),
            several_replicas(live),
            surge(live),
            old_pod_running(old_pods),
            strays::runs_elsewhere(observed, target, live),
            ahead::warning(live, &target.pods, now),
            service_not_written(&applied.service),
        ];
        let of_key = backend.map(|backend| backend.warnings(live)).unwrap_or_default();
        let of_account = backend.and_then(|backend| of_account(backend, observed, live));
        let of_token = match (audience.as_deref(), backend.and_then(KeyBackend::account)) {
            (Some(audience), _) => token::of_deployment(observed, live, audience),
            // With `workloadIdentity`, the operator refuses this ServiceAccount.
            (None, Some(_)) if binding.spec.workload_identity.is_none() => {
                token::of_the_pod(observed, live).into_iter().collect()
            }
            (None, _) => vec![],
        };
        let told = of_deployment.into_iter().flatten().chain(of_key).chain(of_account);
        let told = told.chain(of_token);
        found.extend(told.map(|(reason, message)| warning(reason, &target.name, &message)));
    }
    found.truncate(MOST);
    found
}

fn warning(reason: &str, target: &str, message: &str) -> Warning {
    Warning {
        reason: reason.to_owned(),
        target: target.to_owned(),
        message: shorten(message, LONGEST),
    }
}

fn shared_key(observed: &Observed, field: &str) -> Option<Noted> {
    let who = who(&observed.same_key)?;
    Some((
        warnings::SHARED_KEY_VERSION,
        format!(
            "{who} the same key in {field}: two voters with one key vote against each other. Give each voter its own key"
        ),
    ))
}

/// The beginning of the message: the other bindings, and the verb “names” or “name”. None if there are no others.
fn who(SameKey { here, elsewhere, .. }: &SameKey) -> Option<String> {
    let of_others = match elsewhere {
        0 => None,
        1 => Some("1 SignerBinding in another namespace".to_owned()),
        more => Some(format!("{more} SignerBindings in other namespaces")),
    };
    let of_this = here.split_first().map(|(first, others)| match others.len() {
        0 => format!("SignerBinding {first}"),
        more => format!("SignerBinding {first} and {more} more of this namespace"),
    });
    let all: Vec<_> = of_this.into_iter().chain(of_others).collect();
    let verb = if here.len() + elsewhere == 1 { "names" } else { "name" };
    (!all.is_empty()).then(|| format!("{} {verb}", all.join(" and ")))
}

fn private_key(live: &LiveDeployment) -> Option<Noted> {
    let carries = |container: &Value| {
        let env = container["env"].as_array();
        env.is_some_and(|env| env.iter().any(|variable| variable["name"] == PRIVATE_KEY_VARIABLE))
    };
    live.containers(ContainerList::Containers).iter().any(carries).then(|| {
        (
            warnings::PRIVATE_KEY_IN_POD,
            format!(
                "Pod template: found the variable {PRIVATE_KEY_VARIABLE}, which the signer replaces. Remove it from the manifest"
            ),
        )
    })
}

fn several_replicas(live: &LiveDeployment) -> Option<Noted> {
    (live.replicas() > 1).then(|| {
        (
            warnings::SEVERAL_REPLICAS,
            format!(
                "spec.replicas: found {}, expected 1. Voters with one key vote against each other. Set it to 1",
                live.replicas()
            ),
        )
    })
}

fn surge(live: &LiveDeployment) -> Option<Noted> {
    surges(&live.raw()["spec"]["strategy"], live.replicas()).then(|| {
        (
            warnings::SURGE_STRATEGY,
            "A rollout starts the new pod before the old one has ended, so two voters have one key for a while. Set spec.strategy.type to Recreate, or spec.strategy.rollingUpdate.maxSurge to 0".to_owned(),
        )
    })
}

fn old_pod_running(old_pods: i64) -> Option<Noted> {
    (old_pods > 0).then(|| {
        (
            warnings::OLD_POD_RUNNING,
            format!(
                "{}. With spec.strategy.type Recreate a rollout waits until they have ended. A shorter terminationGracePeriodSeconds ends them sooner",
                beside::told(old_pods)
            ),
        )
    })
}

fn service_not_written(service: &Result<(), Reason>) -> Option<Noted> {
    let refusal = service.as_ref().err()?;
    Some((
        warnings::SERVICE_NOT_WRITTEN,
        format!(
            "The metrics Service of the signer is missing or out of date, and the voter signs without it: {}",
            refusal.message
        ),
    ))
}

/// Whether a rollout may have more pods than wanted. A percentage is rounded up; the default is 25 %.
/// Source: <https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#max-surge>
fn surges(strategy: &Value, replicas: i64) -> bool {
    if strategy["type"] == "Recreate" || replicas == 0 {
        return false;
    }
    match &strategy["rollingUpdate"]["maxSurge"] {
        Value::Number(number) => number.as_i64() != Some(0),
        Value::String(text) => !matches!(text.trim_end_matches('%').parse::<u32>(), Ok(0)),
        _ => true,
    }
}

/// Warnings about the pods' ServiceAccount for this key.
fn of_account(backend: &dyn KeyBackend, observed: &Observed, live: &LiveDeployment) -> Option<Noted> {
    let name = live.service_account();
    let account = observed.accounts.iter().find(|account| account.name == name)?;
    backend.account_warning(name, &account.live.as_ref()?["metadata"]["annotations"])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_surge_is_what_the_strategy_comes_to() {
        for (strategy, replicas, expected) in [
            (json!(null), 1, true),
            (json!({"type": "Recreate"}), 1, false),
            (json!({"rollingUpdate": {"maxSurge": "25%"}}), 1, true),
            (json!({"rollingUpdate": {"maxSurge": "0%"}}), 1, false),
            (json!({"rollingUpdate": {"maxSurge": 0}}), 1, false),
            (json!({"rollingUpdate": {"maxSurge": 1}}), 1, true),
            (json!({"rollingUpdate": {"maxSurge": 1}}), 0, false),
        ] {
            assert_eq!(surges(&strategy, replicas), expected, "{strategy} {replicas}");
        }
    }

    #[test]
    fn bindings_of_other_namespaces_are_counted_and_not_named() {
        let of = |here: &[&str], elsewhere| {
            let here = here.iter().map(|name| (*name).to_owned()).collect();
            who(&SameKey {
                here,
                elsewhere,
                strays: vec![],
            })
            .unwrap_or_default()
        };
        for (here, elsewhere, expected) in [
            (&[][..], 0, ""),
            (&["a"], 0, "SignerBinding a names"),
            (&["a", "b"], 0, "SignerBinding a and 1 more of this namespace name"),
            (&[], 1, "1 SignerBinding in another namespace names"),
            (&[], 2, "2 SignerBindings in other namespaces name"),
            (
                &["a"],
                1,
                "SignerBinding a and 1 SignerBinding in another namespace name",
            ),
        ] {
            assert_eq!(of(here, elsewhere), expected);
        }
    }

    #[test]
    fn warns_of_what_is_there_and_of_nothing_else() {
        let quiet = LiveDeployment::new(json!({"spec": {"replicas": 1, "strategy": {"type": "Recreate"}}}));
        assert!(private_key(&quiet).is_none() && several_replicas(&quiet).is_none() && surge(&quiet).is_none());
        let loud = LiveDeployment::new(json!({"spec": {"replicas": 2, "template": {"spec": {"containers": [
            {"env": [{"name": "ATTO_PRIVATE_KEY", "value": "secret-value"}]},
        ]}}}}));
        assert!(several_replicas(&loud).is_some() && surge(&loud).is_some());
        let (_, message) = private_key(&loud).unwrap();
        assert!(!message.contains("secret-value"), "{message}");
    }
}
