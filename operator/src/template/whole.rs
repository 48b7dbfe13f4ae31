//! Whether pods of a template start with a signer. The guard checks the same for a new Deployment, in
//! `charts/signer-operator/templates/_guard-creation.tpl`.

use crds::names::NODE_VARIABLES;
use serde_json::Value;

use crate::model::deployment::{ContainerList, LiveDeployment};

/// Whether the signer is a native sidecar, and this container has the variables for it.
pub fn is_whole(live: &LiveDeployment, node_container: &str) -> bool {
    let node = live.container(ContainerList::Containers, node_container);
    live.injected_hash().is_some()
        && live.signer().is_some_and(|signer| signer["restartPolicy"] == "Always")
        && node.is_some_and(is_pointed)
}

/// Whether the operator injected it earlier, and its pods would now start without a signer.
pub fn has_lost_its_signer(live: &LiveDeployment) -> bool {
    let mut containers = live.containers(ContainerList::Containers).iter();
    let is_node = |container: &Value| container["name"].as_str().is_some_and(|name| is_whole(live, name));
    live.injected_hash().is_some() && !containers.any(is_node)
}

/// Of two entries with one name the last one counts, so each must be right.
fn is_pointed(container: &Value) -> bool {
    let env = container["env"].as_array().map_or(&[][..], Vec::as_slice);
    NODE_VARIABLES.iter().enumerate().all(|(index, name)| {
        let mut entries = env.iter().filter(|entry| entry["name"] == *name).peekable();
        entries.peek().is_some() && entries.all(|entry| is_right(index, entry))
    })
}

fn is_right(variable: usize, entry: &Value) -> bool {
    match variable {
        0 => entry["value"] == "REMOTE",
        1 => entry["value"]
            .as_str()
            .and_then(|url| url.strip_prefix("http://localhost:"))
            .is_some_and(|port| port.parse::<u16>().is_ok()),
        _ => entry["valueFrom"]["secretKeyRef"].is_object(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn one_that_was_injected_and_has_no_signer_has_lost_it() {
        let lost = |change: &dyn Fn(&mut Value)| {
            let mut object = whole();
            change(&mut object);
            has_lost_its_signer(&LiveDeployment::new(object))
        };
        assert!(!lost(&|_| {}));
        assert!(lost(
            &|live| live["spec"]["template"]["spec"]["initContainers"] = Value::Null
        ));
        assert!(lost(
            &|live| live["spec"]["template"]["spec"]["containers"][1]["env"] = Value::Null
        ));
        assert!(!lost(&|live| live["spec"]["template"] = Value::Null));
    }

    fn whole() -> Value {
        json!({"spec": {"template": {
            "metadata": {"annotations": {"signer.atto.cash/hash": "h"}},
            "spec": {
                "initContainers": [{"name": "signer", "restartPolicy": "Always"}],
                "containers": [{"name": "exporter"}, {"name": "node", "env": [
                    {"name": "ATTO_SIGNER_BACKEND", "value": "REMOTE"},
                    {"name": "ATTO_SIGNER_REMOTE_URL", "value": "http://localhost:9090"},
                    {"name": "ATTO_SIGNER_REMOTE_TOKEN", "valueFrom": {"secretKeyRef": {"name": "t", "key": "k"}}},
                ]}],
            },
        }}})
    }

    #[test]
    fn every_part_is_needed() {
        let of = |change: &dyn Fn(&mut Value)| {
            let mut object = whole();
            change(&mut object["spec"]["template"]);
            is_whole(&LiveDeployment::new(object), "node")
        };
        let env = "/spec/containers/1/env";
        let entry = |template: &mut Value, at: usize, value: Value| template.pointer_mut(env).unwrap()[at] = value;
        assert!(of(&|_| ()));
        for (what, change) in [
            (
                "no annotation",
                &(|template: &mut Value| template["metadata"] = json!({})) as &dyn Fn(&mut Value),
            ),
            ("no signer", &|template| template["spec"]["initContainers"] = json!([])),
            ("a signer that ends", &|template| {
                template["spec"]["initContainers"][0]["restartPolicy"] = json!(null);
            }),
            ("no variables", &|template| {
                *template.pointer_mut(env).unwrap() = json!([]);
            }),
            ("another backend", &|template| {
                entry(template, 0, json!({"name": "ATTO_SIGNER_BACKEND", "value": "LOCAL"}));
            }),
            ("another machine", &|template| {
                entry(
                    template,
                    1,
                    json!({"name": "ATTO_SIGNER_REMOTE_URL", "value": "http://localhost:9090@elsewhere"}),
                );
            }),
            ("a token in the manifest", &|template| {
                entry(
                    template,
                    2,
                    json!({"name": "ATTO_SIGNER_REMOTE_TOKEN", "value": "token"}),
                );
            }),
            ("a second entry, which wins", &|template| {
                let env = template.pointer_mut(env).unwrap().as_array_mut().unwrap();
                env.push(json!({"name": "ATTO_SIGNER_BACKEND", "value": "LOCAL"}));
            }),
        ] {
            assert!(!of(change), "{what}");
        }
        assert!(!is_whole(&LiveDeployment::new(whole()), "exporter"));
    }
}
