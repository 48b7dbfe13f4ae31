//! Realistic Deployments: the fixture's voter with changes.

mod containers;
mod deployments;
mod pods;

use crds::kubernetes::OLDEST;
use serde_json::{Value, json};
use tests::operated::{voter, with};

/// Changes: a path, and its new value. Null removes the field.
type Changes = Vec<(&'static str, Value)>;

/// One Deployment of the corpus.
pub struct Case {
    pub name: String,
    /// The API server refuses it from server-side apply, and accepts it otherwise.
    pub has_duplicates: bool,
    /// The minor version of Kubernetes from which on all its fields are known.
    since: u32,
    changes: Changes,
}

/// All cases that this minor version of Kubernetes supports.
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

/// A case with fields of a later version.
fn case_since(since: u32, name: &str, changes: Changes) -> Case {
    Case {
        since,
        ..case(name, changes)
    }
}

impl Case {
    /// Its manifest, with a label by which a binding selects it.
    pub fn manifest(&self) -> Value {
        // No pods, because only the spec is compared, and pods would cost time.
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
