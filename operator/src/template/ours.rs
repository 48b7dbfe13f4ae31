//! The operator's part of a live Deployment. If an admission plugin rewrites each write, that part looks like drift compared with
//! the rendering, but not compared with the API server's answer to the operator's last write.

use serde_json::json;

use super::{additions, hash, volumes};
use crate::model::deployment::LiveDeployment;

/// Identifies the content below. The status keeps fingerprints of earlier operator versions, so every change of the content
/// needs another form. Otherwise the next upgrade would take each voter for one that another client has changed.
const FORM: &str = "1";

/// Identifies the values of the operator's fields and what other clients have added to them. A field that another client changes
/// or removes is no longer the operator's, and is missing. Fields that only the API server sets are left out, because a new
/// Kubernetes version may have more of them.
pub fn fingerprint(live: &LiveDeployment) -> String {
    let volumes = volumes::of_signer(live);
    let names: Vec<_> = volumes.iter().filter_map(|volume| volume["name"].as_str()).collect();
    let exposures = volumes::exposures(live, &names);
    let exposures: Vec<_> = exposures.iter().map(|exposure| &exposure.pointer).collect();
    let ours = json!({
        "applied": live.applied()["spec"],
        "signer": live.signer().map(additions::inventory),
        "exposures": exposures,
    });
    format!("{FORM}-{}", hash::digest(&ours))
}

/// Whether the Deployment still has this fingerprint. None if another operator version computed it from other content.
pub fn is_unchanged(live: &LiveDeployment, recorded: &str) -> Option<bool> {
    let (form, _) = recorded.split_once('-')?;
    (form == FORM).then(|| recorded == fingerprint(live))
}

#[cfg(test)]
mod tests {
    use crds::names::{DEPLOYMENT_LABEL, HASH_ANNOTATION};
    use serde_json::Value;

    use super::*;

    fn voter() -> Value {
        let fields = json!({"f:spec": {"f:template": {
            "f:metadata": {"f:annotations": {"f:signer.atto.cash/hash": {}}, "f:labels": {"f:signer.atto.cash/deployment": {}}},
            "f:spec": {
                "f:initContainers": {"k:{\"name\":\"signer\"}": {
                    ".": {}, "f:name": {}, "f:image": {},
                    "f:env": {"k:{\"name\":\"ATTO_SIGNER_PORT\"}": {".": {}, "f:name": {}, "f:value": {}}},
                    "f:volumeMounts": {"k:{\"mountPath\":\"/ca\"}": {".": {}, "f:name": {}, "f:mountPath": {}}},
                }},
                "f:containers": {"k:{\"name\":\"node\"}": {"f:env": {
                    "k:{\"name\":\"ATTO_SIGNER_BACKEND\"}": {".": {}, "f:name": {}, "f:value": {}},
                }}},
                "f:volumes": {"k:{\"name\":\"signer-ca\"}": {".": {}, "f:name": {}, "f:secret": {"f:secretName": {}}}},
            },
        }}});
        json!({
            "metadata": {"generation": 2, "managedFields": [{"manager": "signer-operator", "operation": "Apply", "fieldsV1": fields}]},
            "spec": {"replicas": 1, "template": {
                "metadata": {"annotations": {HASH_ANNOTATION: "h"}, "labels": {DEPLOYMENT_LABEL: "voter"}},
                "spec": {
                    "initContainers": [{
                        "name": "signer", "image": "mirror.example/signer:1", "terminationMessagePath": "/dev/termination-log",
                        "env": [{"name": "ATTO_SIGNER_PORT", "value": "9090"}],
                        "volumeMounts": [{"name": "signer-ca", "mountPath": "/ca"}],
                    }],
                    "containers": [{"name": "node", "image": "node:1", "env": [{"name": "ATTO_SIGNER_BACKEND", "value": "REMOTE"}]}],
                    "volumes": [{"name": "theirs"}, {"name": "signer-ca", "secret": {"secretName": "ca", "defaultMode": 420}}],
                },
            }},
        })
    }

    fn of(object: &Value) -> String {
        fingerprint(&LiveDeployment::new(object.clone()))
    }

    #[test]
    fn moves_with_everything_of_ours_and_with_nothing_of_others() {
        let changed = |pointer: &str, value: Value| {
            let mut object = voter();
            let (parent, last) = pointer.rsplit_once('/').unwrap();
            match object.pointer_mut(parent).unwrap() {
                Value::Array(items) if items.len() == last.parse::<usize>().unwrap() => items.push(value),
                Value::Array(items) => items[last.parse::<usize>().unwrap()] = value,
                other => other[last] = value,
            }
            of(&object)
        };
        for (pointer, value) in [
            ("/metadata/generation", json!(3)),
            ("/spec/replicas", json!(2)),
            ("/spec/template/spec/containers/0/image", json!("node:2")),
            (
                "/spec/template/spec/containers/0/env/1",
                json!({"name": "A", "value": "1"}),
            ),
            ("/spec/template/spec/volumes/0/name", json!("another")),
            // Defaults of the API server.
            (
                "/spec/template/spec/initContainers/0/terminationMessagePath",
                json!("/else"),
            ),
            ("/spec/template/spec/initContainers/0/newField", json!(true)),
            ("/spec/template/spec/volumes/1/secret/defaultMode", json!(256)),
        ] {
            assert_eq!(changed(pointer, value), of(&voter()), "{pointer}");
        }
        for (pointer, value) in [
            ("/metadata/managedFields", json!([])),
            ("/spec/template/metadata/annotations", json!({})),
            ("/spec/template/metadata/labels", json!({})),
            ("/spec/template/spec/initContainers", json!([])),
            // By an apply in the operator's name, which leaves the owner as it is.
            ("/spec/template/spec/initContainers/0/image", json!("other:1")),
            ("/spec/template/spec/initContainers/0/env/0/value", json!("9999")),
            ("/spec/template/spec/initContainers/0/env", json!([])),
            (
                "/spec/template/spec/initContainers/0/env/1",
                json!({"name": "ATTO_SIGNER_LOG"}),
            ),
            (
                "/spec/template/spec/initContainers/0/env/1",
                json!({"name": "ATTO_SIGNER_PORT", "value": "1"}),
            ),
            ("/spec/template/spec/initContainers/0/args", json!(["--help"])),
            (
                "/spec/template/spec/initContainers/0/volumeMounts/1",
                json!({"name": "theirs", "mountPath": "/theirs"}),
            ),
            ("/spec/template/spec/containers/0/env/0/value", json!("LOCAL")),
            ("/spec/template/spec/containers/0/name", json!("another")),
            (
                "/spec/template/spec/containers/0/volumeMounts",
                json!([{"name": "signer-ca"}]),
            ),
            ("/spec/template/spec/volumes/1/secret/secretName", json!("another")),
        ] {
            assert_ne!(changed(pointer, value), of(&voter()), "{pointer}");
        }
        let fields = "/metadata/managedFields/0/fieldsV1/f:spec/f:template/f:spec/f:initContainers/k:{\"name\":\"signer\"}/f:env";
        let without_value = json!({"k:{\"name\":\"ATTO_SIGNER_PORT\"}": {".": {}, "f:name": {}}});
        assert_ne!(changed(fields, without_value), of(&voter()), "another client owns it");
    }

    /// A failure means that the content has changed: give it another form.
    #[test]
    fn stays_the_same_in_all_versions_with_this_form() {
        let recorded = of(&voter());
        assert_eq!(recorded, "1-3c2175a5dff8a1c7ba16639e8aaa4a6b");
        let live = LiveDeployment::new(voter());
        assert_eq!(is_unchanged(&live, &recorded), Some(true));
        assert_eq!(is_unchanged(&live, "1-other"), Some(false));
        assert_eq!(is_unchanged(&live, "2-other"), None);
        assert_eq!(is_unchanged(&live, ""), None);
    }
}
