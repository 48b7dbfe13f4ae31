//! Deployments as people write them: the voter of the fixture with something changed.

mod containers;
mod deployments;
mod pods;

use crds::kubernetes::OLDEST;
use serde_json::{Value, json};
use tests::operated::{voter, with};

/// What is changed: where, and to what; nothing at all where that is null.
type Changes = Vec<(&'static str, Value)>;

/// One Deployment of the corpus.
pub struct Case {
    pub name: String,
    /// The API server takes it only from who does not apply it server-side.
    pub has_duplicates: bool,
    /// The minor version of Kubernetes from which on all its fields are known.
    since: u32,
    changes: Changes,
}

/// All that this minor version of Kubernetes knows.
pub fn all(minor: u32) -> Vec<Case> {
    let mut cases = containers::cases();
    cases.extend(pods::cases());
    cases.extend(deployments::cases());
    cases.retain(|case| case.since <= minor);
    cases
}

fn case(name: impl Into<String>, changes: Changes) -> Case {
    Case {
        name: name.into(),
        has_duplicates: false,
        since: OLDEST,
        changes,
    }
}

/// One with fields that came later.
fn case_since(since: u32, name: &str, changes: Changes) -> Case {
    Case {
        since,
        ..case(name, changes)
    }
}

impl Case {
    /// Its manifest, with a label by which a binding selects it.
    pub fn manifest(&self) -> Value {
        // No pods: what is restored is the spec, and the machine has better things to do.
        let mut object = with(voter(), "/spec/replicas", json!(0));
        let app: String = self.name.chars().take(63).filter(|each| *each != '.').collect();
        object["metadata"] = json!({"name": self.name, "labels": {"signed": "yes"}});
        object["spec"]["selector"]["matchLabels"]["app"] = json!(app);
        object["spec"]["template"]["metadata"]["labels"]["app"] = json!(app);
        for (place, value) in &self.changes {
            object = with(object, place, value.clone());
            if let (Some((parent, field)), Value::Null) = (place.rsplit_once('/'), value) {
                let parent = object.pointer_mut(parent).and_then(Value::as_object_mut);
                parent.map(|parent| parent.remove(field));
            }
        }
        object
    }
}
