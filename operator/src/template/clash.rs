//! A variable or a volume of the operator with a source of another kind: `valueFrom` instead of `value`, or a ConfigMap instead
//! of a Secret. If another manager owns it, as after a rollback, server-side apply would add the operator's source, and the API
//! server refuses an item with both.

use crds::names::FIELD_MANAGER;
use serde_json::{Value, json};

use crate::model::deployment::{ContainerList, LiveDeployment};
use crate::model::field_path::FieldPath;

/// Such an item.
#[derive(Debug, Clone, PartialEq)]
pub struct Clash {
    /// The remaining field, in the API server's notation.
    pub field: String,
    /// The other managers that own it.
    pub managers: Vec<String>,
    /// The item's place, as a JSON pointer.
    pub pointer: String,
    /// The expected value.
    pub wanted: Value,
}

/// All clashes with the rendering.
pub fn of(live: &LiveDeployment, rendered: &Value) -> Vec<Clash> {
    let pod = &rendered["spec"]["template"]["spec"];
    let lists = [ContainerList::InitContainers, ContainerList::Containers];
    let variables = lists.into_iter().flat_map(|list| {
        let wanted = items(&pod[list.as_str()]);
        wanted.iter().flat_map(move |container| {
            let name = &container["name"];
            let found = live.containers(list);
            let index = found.iter().position(|found| found["name"] == *name);
            let found = index.and_then(|index| found.get(index));
            let place = format!(".spec.template.spec.{}[name={name}].env", list.as_str());
            let pointer = format!(
                "/spec/template/spec/{}/{}/env",
                list.as_str(),
                index.unwrap_or_default()
            );
            found
                .into_iter()
                .flat_map(|found| pairs(&found["env"], &container["env"]))
                .filter_map(|(index, found, wanted)| {
                    let rest = of_variable(found, wanted)?;
                    clash(live, &place, &pointer, index, &rest, wanted)
                })
                .collect::<Vec<_>>()
        })
    });
    let found = &live.raw()["spec"]["template"]["spec"]["volumes"];
    let volumes = pairs(found, &pod["volumes"]);
    let volumes = volumes.into_iter().filter_map(|(index, found, wanted)| {
        let rest = format!(".{}", beyond(found, wanted)?);
        clash(
            live,
            ".spec.template.spec.volumes",
            "/spec/template/spec/volumes",
            index,
            &rest,
            wanted,
        )
    });
    variables.chain(volumes).collect()
}

fn clash(live: &LiveDeployment, place: &str, pointer: &str, index: usize, rest: &str, wanted: &Value) -> Option<Clash> {
    let field = format!("{place}[name={}]{rest}", wanted["name"]);
    let path = FieldPath::parse(&field)?;
    let holders: Vec<_> = live.managed_fields().filter(|entry| entry.owns(&path)).collect();
    let is_ours = |manager: &str, operation: &str| manager == FIELD_MANAGER && operation == "Apply";
    // Fields that only the operator has applied are removed by the next apply.
    if !holders.is_empty() && holders.iter().all(|entry| is_ours(entry.manager, entry.operation)) {
        return None;
    }
    let others = holders
        .iter()
        .filter(|entry| !is_ours(entry.manager, entry.operation))
        .map(|entry| entry.manager.to_owned());
    Some(Clash {
        managers: others.collect(),
        pointer: format!("{pointer}/{index}"),
        wanted: wanted.clone(),
        field,
    })
}

/// Each wanted item that exists, with its place.
fn pairs<'a>(found: &'a Value, wanted: &'a Value) -> Vec<(usize, &'a Value, &'a Value)> {
    let found = items(found);
    let pair = |wanted: &'a Value| {
        let index = found.iter().position(|item| item["name"] == wanted["name"])?;
        Some((index, found.get(index)?, wanted))
    };
    items(wanted).iter().filter_map(pair).collect()
}

fn of_variable(found: &Value, wanted: &Value) -> Option<String> {
    let has_value = |variable: &Value| variable["value"].as_str().is_some_and(|value| !value.is_empty());
    match (found["valueFrom"].is_object(), wanted["valueFrom"].is_object()) {
        (true, false) => Some(".valueFrom".to_owned()),
        (false, true) if has_value(found) => Some(".value".to_owned()),
        (true, true) => Some(format!(
            ".valueFrom.{}",
            beyond(&found["valueFrom"], &wanted["valueFrom"])?
        )),
        _ => None,
    }
}

/// The first field that the other object does not have.
fn beyond<'a>(found: &'a Value, wanted: &Value) -> Option<&'a str> {
    let fields = found.as_object()?;
    let mut names = fields.keys().map(String::as_str);
    names.find(|name| wanted[*name].is_null())
}

fn items(list: &Value) -> &[Value] {
    list.as_array().map_or(&[], Vec::as_slice)
}

/// The Deployment with the items replaced.
pub fn replaced(live: &LiveDeployment, clashes: &[Clash]) -> Value {
    let mut object = live.raw().clone();
    for Clash { pointer, wanted, .. } in clashes {
        if let Some(item) = object.pointer_mut(pointer) {
            *item = wanted.clone();
        }
    }
    object
}

/// The operations that replace them.
pub fn operations(clashes: &[Clash]) -> Vec<Value> {
    let replace = |clash: &Clash| json!({ "op": "replace", "path": clash.pointer, "value": clash.wanted });
    clashes.iter().map(replace).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret() -> Value {
        json!({"secretKeyRef": {"name": "s", "key": "k"}})
    }

    fn live(spec: &Value, holders: &[(&str, &str, Value)]) -> LiveDeployment {
        let entries: Vec<_> = holders
            .iter()
            .map(|(manager, operation, fields)| {
                json!({"manager": manager, "operation": operation, "fieldsV1": {"f:spec": {"f:template": {"f:spec": fields}}}})
            })
            .collect();
        LiveDeployment::new(json!({"metadata": {"managedFields": entries}, "spec": {"template": {"spec": spec}}}))
    }

    fn fields(live: &LiveDeployment, wanted: &Value) -> Vec<String> {
        let clashes = of(live, &json!({"spec": {"template": {"spec": wanted}}}));
        clashes.into_iter().map(|clash| clash.field).collect()
    }

    #[test]
    fn two_kinds_of_source_clash_and_two_values_do_not() {
        let signer =
            |variable: Value| json!({"initContainers": [{"name": "signer", "env": [{"name": "OTHER"}, variable]}]});
        let value = json!({"name": "A", "value": "1"});
        let place = ".spec.template.spec.initContainers[name=\"signer\"].env[name=\"A\"]";
        for (found, wanted, rest) in [
            (
                json!({"name": "A", "valueFrom": secret()}),
                value.clone(),
                Some(".valueFrom"),
            ),
            (
                value.clone(),
                json!({"name": "A", "valueFrom": secret()}),
                Some(".value"),
            ),
            (
                json!({"name": "A", "valueFrom": {"fieldRef": {}}}),
                json!({"name": "A", "valueFrom": secret()}),
                Some(".valueFrom.fieldRef"),
            ),
            (json!({"name": "A", "value": "2"}), value.clone(), None),
            (json!({"name": "A"}), json!({"name": "A", "valueFrom": secret()}), None),
            (
                json!({"name": "A", "valueFrom": {"secretKeyRef": {"name": "t"}}}),
                json!({"name": "A", "valueFrom": secret()}),
                None,
            ),
            (json!({"name": "B", "valueFrom": secret()}), value.clone(), None),
        ] {
            let told = fields(&live(&signer(found.clone()), &[]), &signer(wanted));
            let expected: Vec<_> = rest.map(|rest| format!("{place}{rest}")).into_iter().collect();
            assert_eq!(told, expected, "{found}");
        }
        let volume = |source: &str| json!({"volumes": [{"name": "data"}, {"name": "signer-ca", source: {}}]});
        let told = fields(&live(&volume("configMap"), &[]), &volume("secret"));
        assert_eq!(told, [".spec.template.spec.volumes[name=\"signer-ca\"].configMap"]);
    }

    #[test]
    fn what_we_alone_have_applied_goes_by_itself() {
        let node = |variable: Value| json!({"containers": [{"name": "other"}, {"name": "node", "env": [variable]}]});
        let held =
            json!({"f:containers": {"k:{\"name\":\"node\"}": {"f:env": {"k:{\"name\":\"A\"}": {"f:valueFrom": {}}}}}});
        let found = node(json!({"name": "A", "valueFrom": secret()}));
        let wanted = json!({"containers": [{"name": "node", "env": [{"name": "A", "value": "1"}]}]});
        let ours = (FIELD_MANAGER, "Apply", held.clone());
        assert!(fields(&live(&found, std::slice::from_ref(&ours)), &wanted).is_empty());
        let both = live(&found, &[ours, ("kubectl", "Update", held)]);
        let clashes = of(&both, &json!({"spec": {"template": {"spec": wanted}}}));
        assert_eq!(clashes.len(), 1);
        assert_eq!(clashes[0].managers, ["kubectl"]);
        assert_eq!(clashes[0].pointer, "/spec/template/spec/containers/1/env/0");
        let after = replaced(&both, &clashes);
        assert_eq!(
            after["spec"]["template"]["spec"]["containers"][1]["env"],
            json!([{"name": "A", "value": "1"}])
        );
    }
}
