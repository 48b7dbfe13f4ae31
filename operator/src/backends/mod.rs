//! The requirements of each kind of key on a pod and on the cluster. A key service is a file in this folder and a line
//! in [`of`].

mod aws;
mod backend;
mod files;
mod gcp;
mod local;
mod vault;

use crds::{Key, SignerBinding, Source};

pub use backend::{AccountNeeds, GivenKey, Grantee, KeyBackend, Mounts, NamedSecret, Noted};

/// The backend of a key. None if no backend is set, which the schema refuses.
pub fn of(key: &Key) -> Option<&dyn KeyBackend> {
    match key.source()? {
        Source::Gcp(key) => Some(key),
        Source::Aws(key) => Some(key),
        Source::Vault(key) => Some(key),
        Source::Local(key) => Some(key),
    }
}

/// Whether two bindings name the same key of a key service, or the same Secret in one namespace.
pub fn share_a_key(left: &SignerBinding, right: &SignerBinding) -> bool {
    let are_neighbours = left.metadata.namespace == right.metadata.namespace;
    let (Some(one), Some(other)) = (of(&left.spec.key), of(&right.spec.key)) else {
        return false;
    };
    let share_a_secret = || are_neighbours && one.private_key().is_some() && one.private_key() == other.private_key();
    right.spec.key.source().is_some_and(|right| one.is_same_key(&right)) || share_a_secret()
}

/// The requirements of a key on the pods' ServiceAccount, if there are any.
pub fn account(binding: &SignerBinding) -> Option<AccountNeeds> {
    of(&binding.spec.key)?.account()
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

    fn vault(change: &[(&str, Value)]) -> Value {
        let mut key = json!({
            "address": "https://vault.example.com:8200", "key": "voter", "version": 1,
            "auth": {"kubernetes": {"role": "voter"}},
        });
        for (field, value) in change {
            key[field] = value.clone();
        }
        json!({"vault": key})
    }

    #[test]
    fn one_key_is_one_key_however_it_is_asked_for() {
        let arn = |region: &str, account: &str, id: &str| json!({"aws": {"keyArn": format!("arn:aws:kms:{region}:{account}:key/{id}")}});
        let version = "projects/p/locations/l/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1";
        let gcp = |more: Value| {
            let mut key = json!({"keyVersion": version});
            if !more.is_null() {
                key["federation"] = more;
            }
            json!({"gcp": key})
        };
        let secret = json!({"local": {"secretRef": {"name": "s", "key": "k"}}});
        let plain = vault(&[]);
        for (left, right, expected, why) in [
            (
                gcp(Value::Null),
                gcp(json!({"provider": "p"})),
                true,
                "another way to be let in",
            ),
            (
                arn("eu-central-1", "1", "a"),
                arn("eu-central-1", "1", "a"),
                true,
                "one ARN",
            ),
            (
                arn("eu-central-1", "1", "a"),
                arn("us-east-1", "1", "a"),
                false,
                "keys of two regions",
            ),
            (
                arn("eu-central-1", "1", "mrk-a"),
                arn("us-east-1", "1", "mrk-a"),
                true,
                "replicas of one key",
            ),
            (
                arn("eu-central-1", "1", "mrk-a"),
                arn("us-east-1", "2", "mrk-a"),
                false,
                "two accounts",
            ),
            (
                plain.clone(),
                vault(&[("auth", json!({"jwt": {"role": "other"}}))]),
                true,
                "another login",
            ),
            (
                plain.clone(),
                vault(&[("address", json!("HTTPS://Vault.Example.com:8200/"))]),
                true,
                "one address",
            ),
            (
                plain.clone(),
                vault(&[("address", json!("https://other.example.com:8200"))]),
                false,
                "another server",
            ),
            (
                plain.clone(),
                vault(&[("namespace", json!("team-a"))]),
                false,
                "another namespace",
            ),
            (
                plain.clone(),
                vault(&[("mount", json!("transit"))]),
                true,
                "the default, written out",
            ),
            (
                plain.clone(),
                vault(&[("mount", json!("other"))]),
                false,
                "another mount",
            ),
            (plain.clone(), vault(&[("version", json!(2))]), false, "another version"),
            (plain, gcp(Value::Null), false, "another key service"),
            (secret.clone(), secret, true, "one Secret"),
        ] {
            let (left, right) = (binding("atto", &left), binding("atto", &right));
            assert_eq!(share_a_key(&left, &right), expected, "{why}");
            assert_eq!(share_a_key(&right, &left), expected, "{why}, the other way round");
        }
        // A different certificate does not make a different key.
        let with_ca = vault(&[("caSecretRef", json!({"name": "s", "key": "k"})), ("version", json!(2))]);
        let other = vault(&[("caSecretRef", json!({"name": "s", "key": "k"}))]);
        assert!(!share_a_key(&binding("atto", &with_ca), &binding("atto", &other)));
    }
}
