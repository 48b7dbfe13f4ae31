//! Whether a pod signs with the key of a binding, regardless of its owner.

use crds::SignerBinding;
use crds::names::KEY_VARIABLE;
use k8s_openapi::api::core::v1::{EnvVar, Pod};

use super::injected::variable;
use crate::backends::{self, GivenKey};

/// Whether the signer of this pod has the key of the binding. Each pod event is compared with each binding, so this does not
/// allocate.
pub fn has_key_of(pod: &Pod, binding: &SignerBinding) -> bool {
    let Some(found) = variable(pod, KEY_VARIABLE).and_then(given) else {
        return false;
    };
    let is_near = match found {
        GivenKey::Value(_) => true,
        // A Secret of the same name in another namespace is a different one.
        GivenKey::Secret { .. } => pod.metadata.namespace == binding.metadata.namespace,
    };
    let value = |name: &str| variable(pod, name)?.value.as_deref();
    is_near && backends::of(&binding.spec.key).is_some_and(|backend| backend.is_given(&found, &value))
}

fn given(entry: &EnvVar) -> Option<GivenKey<'_>> {
    if let Some(value) = &entry.value {
        return Some(GivenKey::Value(value));
    }
    let reference = entry.value_from.as_ref()?.secret_key_ref.as_ref()?;
    Some(GivenKey::Secret {
        name: &reference.name,
        key: &reference.key,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn binding(namespace: &str, key: &Value) -> SignerBinding {
        serde_json::from_value(json!({
            "apiVersion": "signer.atto.cash/v1alpha1", "kind": "SignerBinding",
            "metadata": {"name": "voter", "namespace": namespace},
            "spec": {
                "target": {"name": "voter"}, "capabilities": ["VOTE"], "tokenSecretRef": {"name": "t", "key": "k"},
                "key": key,
            },
        }))
        .unwrap()
    }

    fn pod(namespace: &str, entry: &Value) -> Pod {
        let mut entry = entry.clone();
        entry["name"] = json!("ATTO_SIGNER_KEY");
        serde_json::from_value(json!({
            "metadata": {"name": "a", "namespace": namespace},
            "spec": {"containers": [], "initContainers": [{"name": "signer", "env": [entry]}]},
        }))
        .unwrap()
    }

    #[test]
    fn a_key_version_is_one_key_everywhere_and_a_secret_one_in_its_namespace() {
        let version = "projects/p/locations/l/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1";
        let gcp = json!({"gcp": {"keyVersion": version}});
        let local = json!({"local": {"secretRef": {"name": "s", "key": "k"}}});
        let value = json!({"value": version});
        let secret = json!({"valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}});
        for (key, entry, namespace, expected, why) in [
            (&gcp, &value, "atto", true, "the same namespace"),
            (&gcp, &value, "other", true, "another namespace"),
            (&gcp, &json!({"value": "another"}), "atto", false, "another version"),
            (&local, &secret, "atto", true, "the same Secret"),
            (&local, &secret, "other", false, "a Secret of the same name"),
            (
                &local,
                &json!({"value": "s/k"}),
                "atto",
                false,
                "a value that reads like it",
            ),
            (&local, &value, "atto", false, "another backend"),
        ] {
            let (binding, pod) = (binding("atto", key), pod(namespace, entry));
            assert_eq!(has_key_of(&pod, &binding), expected, "{why}");
        }
    }
}
