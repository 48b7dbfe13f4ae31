//! The operator's volumes in a pod: their owner, whether they are as written, and which other containers mount them. Code in a
//! container with the signer's token can use the key without the signer.

use crds::names::{FIELD_MANAGER, SIGNER_CONTAINER, VOLUMES};
use serde_json::{Value, json};

use crate::model::deployment::{ContainerList, LiveDeployment};

/// A mount of an operator's volume in another container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exposure {
    pub list: ContainerList,
    pub container: String,
    pub volume: String,
    /// Its place in the Deployment, as a JSON pointer.
    pub pointer: String,
    /// Its path in `managedFields` below the container.
    pub managed: Vec<String>,
}

/// The exposures of these volumes. In each list, the last item comes first, so that each pointer stays valid.
pub fn exposures(live: &LiveDeployment, ours: &[&str]) -> Vec<Exposure> {
    let lists = [ContainerList::Containers, ContainerList::InitContainers];
    let containers = lists.into_iter().flat_map(|list| {
        let all = live.containers(list).iter().enumerate();
        all.map(move |(index, container)| (list, index, container))
    });
    containers
        .filter(|(.., container)| container["name"] != SIGNER_CONTAINER)
        .flat_map(|(list, index, container)| {
            let mounts = container["volumeMounts"].as_array().map_or(&[][..], Vec::as_slice);
            mounts.iter().enumerate().rev().filter_map(move |(position, mount)| {
                let volume = mount["name"].as_str().filter(|name| ours.contains(name))?;
                Some(Exposure {
                    list,
                    container: container["name"].as_str().unwrap_or_default().to_owned(),
                    volume: volume.to_owned(),
                    pointer: format!("/spec/template/spec/{}/{index}/volumeMounts/{position}", list.as_str()),
                    managed: vec![
                        "f:volumeMounts".to_owned(),
                        format!("k:{}", json!({ "mountPath": mount["mountPath"] })),
                    ],
                })
            })
        })
        .collect()
}

/// The names of the rendered volumes.
pub fn names(volumes: &Value) -> Vec<&str> {
    let volumes = volumes.as_array().into_iter().flatten();
    volumes.filter_map(|volume| volume["name"].as_str()).collect()
}

/// The volumes with the operator's names that the signer mounts.
pub fn of_signer(live: &LiveDeployment) -> Vec<&Value> {
    let mounts = live.signer().and_then(|signer| signer["volumeMounts"].as_array());
    let is_mounted = |volume: &Value| {
        mounts
            .into_iter()
            .flatten()
            .any(|mount| mount["name"] == volume["name"])
    };
    live.volumes()
        .iter()
        .filter(|volume| VOLUMES.iter().any(|name| volume["name"] == *name) && is_mounted(volume))
        .collect()
}

/// Whether each rendered volume exists once, equals the rendering, and is recorded as the operator's.
pub fn are_intact(live: &LiveDeployment, rendered: &Value) -> bool {
    let rendered = rendered.as_array().map_or(&[][..], Vec::as_slice);
    rendered.iter().all(|wanted| {
        let name = wanted["name"].as_str().unwrap_or_default();
        let of_ours = live.ours().is_some_and(|ours| ours.owns_volume(name));
        of_ours && live.volume(name).is_some_and(|found| is_same(found, wanted))
    })
}

/// Whether a volume contains the wanted fields. The API server adds default fields. An additional list item is an
/// addition by another client.
pub fn is_same(found: &Value, wanted: &Value) -> bool {
    match (found, wanted) {
        (Value::Object(found), Value::Object(wanted)) => wanted
            .iter()
            .all(|(field, wanted)| found.get(field).is_some_and(|found| is_same(found, wanted))),
        (Value::Array(found), Value::Array(wanted)) => {
            found.len() == wanted.len() && found.iter().zip(wanted).all(|(found, wanted)| is_same(found, wanted))
        }
        _ => found == wanted,
    }
}

/// The operator's volumes that are left over in `after`. The operator's fields are determined from the object before they were
/// given up. A volume in a manifest stays.
pub fn left_over<'a>(before: &LiveDeployment, after: &'a LiveDeployment) -> Vec<&'a str> {
    let of_signer = of_signer(before);
    let was_ours = |name: &str| {
        before.ours().is_some_and(|ours| ours.owns_volume(name))
            || of_signer.iter().any(|volume| volume["name"] == name)
    };
    let found = after.volumes().iter().filter_map(|volume| volume["name"].as_str());
    found
        .filter(|name| VOLUMES.contains(name) && was_ours(name) && !is_carried_by_a_manifest(after, name))
        .collect()
}

/// An update that owns it is not a manifest: it is a rollback, an export, or a policy of the API server that restored it in
/// another client's request.
fn is_carried_by_a_manifest(live: &LiveDeployment, name: &str) -> bool {
    let is_applied = live
        .managed_fields()
        .any(|entry| entry.manager != FIELD_MANAGER && entry.operation == "Apply" && entry.owns_volume_whole(name));
    let has_it = |manifest: LiveDeployment| manifest.volume(name).is_some() && manifest.signer().is_none();
    is_applied || live.last_applied().is_some_and(has_it)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn live() -> Value {
        json!({
            "metadata": {"managedFields": [{"manager": "signer-operator", "operation": "Apply", "fieldsV1": {"f:spec": {"f:template": {"f:spec": {
                "f:volumes": {"k:{\"name\":\"signer-identity\"}": {".": {}}},
            }}}}}]},
            "spec": {"template": {"spec": {
                "volumes": [
                    {"name": "data", "emptyDir": {}},
                    {"name": "signer-identity", "projected": {"defaultMode": 420, "sources": [{"serviceAccountToken": {"audience": "a", "path": "token"}}]}},
                ],
                "initContainers": [
                    {"name": "first", "volumeMounts": [{"name": "data", "mountPath": "/data"}]},
                    {"name": "signer", "volumeMounts": [{"name": "signer-identity", "mountPath": "/i"}]},
                ],
                "containers": [{"name": "node"}],
            }}},
        })
    }

    fn rendered() -> Value {
        json!([{"name": "signer-identity", "projected": {"sources": [{"serviceAccountToken": {"audience": "a", "path": "token"}}]}}])
    }

    #[test]
    fn a_token_in_another_container_is_seen_wherever_it_is() {
        let of = |change: &dyn Fn(&mut Value)| {
            let mut object = live();
            change(&mut object["spec"]["template"]["spec"]);
            let found = exposures(&LiveDeployment::new(object), &["signer-identity"]);
            found.into_iter().map(|exposure| exposure.pointer).collect::<Vec<_>>()
        };
        assert!(of(&|_| {}).is_empty());
        let mount = |path: &str| json!({"name": "signer-identity", "mountPath": path});
        let data = json!({"name": "data", "mountPath": "/data"});
        assert_eq!(
            of(&|pod| {
                pod["containers"][0]["volumeMounts"] = json!([mount("/a"), data, mount("/b")]);
                pod["initContainers"][0]["volumeMounts"] = json!([data, mount("/c")]);
            }),
            [
                "/spec/template/spec/containers/0/volumeMounts/2",
                "/spec/template/spec/containers/0/volumeMounts/0",
                "/spec/template/spec/initContainers/0/volumeMounts/1",
            ]
        );
    }

    #[test]
    fn a_volume_is_intact_with_what_was_rendered_and_nothing_more() {
        let of = |change: &dyn Fn(&mut Value)| {
            let mut object = live();
            change(&mut object);
            are_intact(&LiveDeployment::new(object), &rendered())
        };
        let volume = "/spec/template/spec/volumes/1";
        assert!(of(&|_| {}));
        assert!(!of(&|live| live["metadata"] = Value::Null), "it is somebody else's");
        assert!(!of(&|live| live["spec"]["template"]["spec"]["volumes"] = json!([])));
        assert!(!of(&|live| live.pointer_mut(volume).unwrap()["projected"]["sources"]
            [0]["serviceAccountToken"]["audience"] = json!("b")));
        assert!(!of(&|live| {
            let sources = live.pointer_mut(volume).unwrap()["projected"]["sources"]
                .as_array_mut()
                .unwrap();
            sources.push(json!({"secret": {"name": "x"}}));
        }));
    }

    #[test]
    fn a_manifest_keeps_its_volume_and_a_rollback_does_not() {
        let before = LiveDeployment::new(live());
        let mut after = live();
        let mut entry = after["metadata"]["managedFields"][0].clone();
        entry["manager"] = json!("kubectl");
        let of = |after: &Value| left_over(&before, &LiveDeployment::new(after.clone())).len();
        entry["operation"] = json!("Update");
        entry["fieldsV1"]["f:spec"]["f:template"]["f:spec"]["f:initContainers"] =
            json!({"k:{\"name\":\"signer\"}": {"f:image": {}}});
        after["metadata"]["managedFields"] = json!([entry]);
        assert_eq!(of(&after), 1);
        entry["operation"] = json!("Apply");
        after["metadata"]["managedFields"] = json!([entry]);
        assert_eq!(of(&after), 1, "it holds a field of it alone");
        entry["fieldsV1"]["f:spec"]["f:template"]["f:spec"]["f:volumes"]["k:{\"name\":\"signer-identity\"}"]["f:name"] =
            json!({});
        after["metadata"]["managedFields"] = json!([entry]);
        assert_eq!(of(&after), 0);
    }
}
