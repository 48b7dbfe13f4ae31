//! Pods that sign with the key of a binding but belong to no Deployment of a binding: those of a copied Deployment, or of another
//! object that runs the template of a Deployment without pods.

use crds::conditions::warnings;

use crate::backends::Noted;
use crate::model::deployment::LiveDeployment;
use crate::model::observed::{Observed, ObservedTarget, SameKey};
use crate::model::stray::Stray;
use crate::template::names::short_name;

/// The pods that run instead of a Deployment that wants no pods.
pub fn in_place_of<'a>(observed: &'a Observed, target: &ObservedTarget, live: &LiveDeployment) -> Vec<&'a Stray> {
    if live.replicas() != 0 || !target.is_selected() {
        return vec![];
    }
    let label = short_name(&target.name);
    let strays = observed.same_key.strays.iter();
    strays
        .filter(|stray| stray.namespace == live.namespace() && stray.label == label)
        .collect()
}

/// The warning about pods that run in place of the Deployment's own.
pub fn runs_elsewhere(observed: &Observed, target: &ObservedTarget, live: &LiveDeployment) -> Option<Noted> {
    let who = who(&in_place_of(observed, target, live))?;
    Some((
        warnings::RUNS_ELSEWHERE,
        format!(
            "Deployment {} wants no pods, and {who} with its signer and its key. The operator and the guard only manage the Deployment: the conditions do not cover these pods, and a change of the signer reaches them only when their owner takes over the template. Run the voter from the Deployment",
            target.name
        ),
    ))
}

/// Text for the condition of a Deployment that wants no pods.
pub fn told(observed: &Observed, target: &ObservedTarget, live: &LiveDeployment) -> Option<String> {
    let who = who(&in_place_of(observed, target, live))?;
    Some(format!(
        "; {who} with its signer and its key, which the conditions do not cover (see status.warnings)"
    ))
}

/// The warnings about other pods: by name in this namespace, as a number in other namespaces.
pub fn shared_key<'a>(
    same_key: &'a SameKey,
    namespace: &'a str,
    told: &[&Stray],
    field: &str,
) -> Vec<(&'a str, Noted)> {
    let warning = |label: &'a str, who: String, verb: &str| {
        let message = format!(
            "{who} with the same key as {field}, and no SignerBinding names {verb}: two voters with one key vote against each other. Find out which of them is a copy, and scale its owner to 0, or give that voter a key and a SignerBinding of its own"
        );
        (label, (warnings::SHARED_KEY_VERSION, message))
    };
    let others = || same_key.strays.iter().filter(|stray| !told.contains(stray));
    let here = others().filter(|stray| stray.namespace == namespace);
    let mut found: Vec<_> = here
        .filter_map(|stray| Some(warning(&stray.label, who(&[stray])?, "it")))
        .collect();
    let elsewhere: usize = others()
        .filter(|stray| stray.namespace != namespace)
        .map(|stray| stray.pods.len())
        .sum();
    match elsewhere {
        0 => {}
        1 => found.push(warning("", "1 pod in another namespace signs".to_owned(), "it")),
        more => found.push(warning("", format!("{more} pods in other namespaces sign"), "them")),
    }
    found
}

/// The owner and number of pods, as part of a sentence. Names the first of several owners.
fn who(strays: &[&Stray]) -> Option<String> {
    let (first, others) = strays.split_first()?;
    let first = first.runs();
    Some(match others.len() {
        0 => first,
        more => format!("{first} (and {more} more)"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stray(namespace: &str, kind: &str, name: &str, pods: usize) -> Stray {
        Stray {
            namespace: namespace.to_owned(),
            kind: kind.to_owned(),
            name: name.to_owned(),
            label: "voter".to_owned(),
            pods: (0..pods).map(|pod| pod.to_string()).collect(),
        }
    }

    #[test]
    fn those_of_this_namespace_are_named_and_those_of_others_counted() {
        let same_key = SameKey {
            strays: vec![
                stray("atto", "Pod", "debug", 1),
                stray("atto", "Deployment", "voter-copy", 2),
                stray("atto", "Rollout", "voter", 1),
                stray("other", "Deployment", "secret-name", 1),
                stray("third", "Deployment", "secret-name", 1),
            ],
            ..SameKey::default()
        };
        let told = [&same_key.strays[2]];
        let found = shared_key(&same_key, "atto", &told, "spec.key.gcp.keyVersion");
        let messages: Vec<_> = found.iter().map(|(_, (_, message))| message.as_str()).collect();
        assert_eq!(messages.len(), 3, "{messages:?}");
        assert!(
            messages[0].starts_with("Pod debug runs with the same key"),
            "{messages:?}"
        );
        assert!(
            messages[1].starts_with("Deployment voter-copy runs 2 pods with the same key"),
            "{messages:?}"
        );
        assert!(
            messages[2].starts_with("2 pods in other namespaces sign"),
            "{messages:?}"
        );
        assert!(!messages.concat().contains("secret-name"), "{messages:?}");
    }
}
