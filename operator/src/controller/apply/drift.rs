//! Who changed injected fields, according to `managedFields`. Pure.

use crds::names::FIELD_MANAGER;
use serde_json::Value;

use crate::model::applied::ChangedBy;
use crate::model::deployment::{LiveDeployment, ManagedFields};
use crate::model::text::one_line;
use crate::template::{additions, item, quantity};

/// The API server's limit on the name of a manager.
const LONGEST: usize = 128;

/// Maximum number of named managers.
const MOST: usize = 3;

/// The managers that set one of the operator's fields to another value or added something to the signer. If there is none, the
/// last writer, because a removal is not recorded.
pub fn changed_by(live: &LiveDeployment, wanted: &Value) -> ChangedBy {
    let others: Vec<_> = live
        .managed_fields()
        .filter(|entry| entry.manager != FIELD_MANAGER && !entry.is_of_status())
        .collect();
    let has_changed = |entry: &&ManagedFields<'_>| {
        let held = entry.held(live);
        differs(&held["spec"], &wanted["spec"]) || has_added(entry, live, wanted)
    };
    let mut managers: Vec<_> = others
        .iter()
        .filter(|entry| has_changed(entry))
        .map(|entry| one_line(entry.manager, LONGEST))
        .collect();
    managers.sort_unstable();
    managers.dedup();
    managers.truncate(MOST);
    if !managers.is_empty() {
        return ChangedBy::Managers(managers);
    }
    let last = others.iter().max_by_key(|entry| entry.time);
    let since = live.ours().map_or("", |ours| ours.time);
    let last = last.filter(|entry| entry.time >= since);
    ChangedBy::Unrecorded(last.map(|entry| one_line(entry.manager, LONGEST)))
}

/// Whether an owned value differs from the wanted one.
fn differs(held: &Value, wanted: &Value) -> bool {
    match (held, wanted) {
        (Value::Object(held), Value::Object(wanted)) => held.iter().any(|(field, value)| {
            wanted.get(field).is_some_and(|wanted| {
                if quantity::is_in(field) {
                    quantities_differ(value, wanted)
                } else {
                    differs(value, wanted)
                }
            })
        }),
        (Value::Array(held), Value::Array(wanted)) if wanted.iter().all(Value::is_object) => held.iter().any(|held| {
            let mut same = wanted.iter().filter(|wanted| item::is_same(held, wanted));
            same.any(|wanted| differs(held, wanted))
        }),
        (held, wanted) => held != wanted,
    }
}

/// `0.05` in place of `50m` is not a change.
fn quantities_differ(held: &Value, wanted: &Value) -> bool {
    let held = held.as_object().into_iter().flatten();
    let mut both = held.filter_map(|(resource, held)| Some((held, wanted.get(resource)?)));
    both.any(|(held, wanted)| !quantity::equal(held, wanted))
}

fn has_added(entry: &ManagedFields<'_>, live: &LiveDeployment, wanted: &Value) -> bool {
    let wanted = &wanted["spec"]["template"]["spec"]["initContainers"][0];
    let added = live.signer().map(|found| additions::of(found, wanted));
    let mut added = added.into_iter().flatten();
    added.any(|addition| entry.owns_of_signer(&addition.managed))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn wanted() -> Value {
        json!({"spec": {"template": {
            "metadata": {"annotations": {"signer.atto.cash/hash": "h"}},
            "spec": {
                "initContainers": [{"name": "signer", "image": "ours", "env": [{"name": "A", "value": "1"}]}],
                "containers": [{"name": "node", "env": [{"name": "ATTO_SIGNER_BACKEND", "value": "REMOTE"}]}],
            },
        }}})
    }

    fn signer(fields: &Value) -> Value {
        json!({"f:spec": {"f:template": {"f:spec": {"f:initContainers": {"k:{\"name\":\"signer\"}": fields}}}}})
    }

    fn live(change: &[(&str, Value)], entries: &[Value]) -> LiveDeployment {
        let mut object = wanted();
        for (pointer, value) in change {
            *object.pointer_mut(pointer).unwrap() = value.clone();
        }
        object["metadata"] = json!({"managedFields": entries});
        LiveDeployment::new(object)
    }

    fn ours() -> Value {
        json!({"manager": "signer-operator", "operation": "Apply", "time": "2026-01-01T00:00:01Z",
            "fieldsV1": signer(&json!({"f:image": {}}))})
    }

    #[test]
    fn names_who_holds_another_value_and_nobody_who_holds_ours() {
        let image = signer(&json!({"f:image": {}}));
        let entry = |manager: &str, fields: &Value| json!({"manager": manager, "operation": "Update", "time": "2026-01-01T00:00:02Z", "fieldsV1": fields});
        let changed = live(
            &[("/spec/template/spec/initContainers/0/image", json!("theirs"))],
            &[
                ours(),
                entry("kubectl-set\u{1b}[2J", &image),
                entry("helm", &json!({"f:spec": {"f:replicas": {}}})),
            ],
        );
        assert_eq!(
            changed_by(&changed, &wanted()),
            ChangedBy::Managers(vec!["kubectl-set[2J".to_owned()])
        );
        let node = json!({"f:spec": {"f:template": {"f:spec": {"f:containers": {"k:{\"name\":\"node\"}":
            {"f:env": {"k:{\"name\":\"ATTO_SIGNER_BACKEND\"}": {"f:value": {}}}}}}}}});
        let of_node = live(
            &[("/spec/template/spec/containers/0/env/0/value", json!("LOCAL"))],
            &[ours(), entry("kubectl-edit", &node)],
        );
        assert_eq!(
            changed_by(&of_node, &wanted()),
            ChangedBy::Managers(vec!["kubectl-edit".to_owned()])
        );
    }

    #[test]
    fn another_spelling_of_a_quantity_is_no_change() {
        let wanted = json!({"requests": {"cpu": "50m", "memory": "64Mi"}});
        assert!(!differs(
            &json!({"requests": {"cpu": "0.05", "storage": "1Gi"}}),
            &wanted
        ));
        assert!(differs(&json!({"requests": {"cpu": "0.06"}}), &wanted));
    }

    #[test]
    fn names_who_has_added_something_to_the_signer() {
        let added = signer(&json!({"f:args": {}}));
        let patched = json!({"manager": "kubectl-patch", "operation": "Update", "fieldsV1": added});
        let mut object = live(&[], &[ours(), patched]).raw().clone();
        object["spec"]["template"]["spec"]["initContainers"][0]["args"] = json!(["--x"]);
        assert_eq!(
            changed_by(&LiveDeployment::new(object), &wanted()),
            ChangedBy::Managers(vec!["kubectl-patch".to_owned()])
        );
    }

    #[test]
    fn what_is_removed_is_recorded_for_nobody_and_the_last_writer_is_named() {
        let entry = |manager: &str, time: &str| json!({"manager": manager, "operation": "Update", "time": time, "fieldsV1": {"f:spec": {"f:replicas": {}}}});
        let mut status = entry("kube-controller-manager", "2026-01-01T00:00:09Z");
        status["subresource"] = json!("status");
        let gone = ("/spec/template/spec/initContainers", json!([]));
        let last = live(
            std::slice::from_ref(&gone),
            &[
                ours(),
                entry("kubectl-edit", "2026-01-01T00:00:05Z"),
                entry("helm", "2026-01-01T00:00:00Z"),
                status,
            ],
        );
        assert_eq!(
            changed_by(&last, &wanted()),
            ChangedBy::Unrecorded(Some("kubectl-edit".to_owned()))
        );
        let none = live(&[gone], &[ours(), entry("helm", "2026-01-01T00:00:00Z")]);
        assert_eq!(changed_by(&none, &wanted()), ChangedBy::Unrecorded(None));
    }
}
