//! Whether a signer is the voter of a binding: it has the same key and the same token.

use crds::names::{BACKEND_VARIABLE, KEY_VARIABLE, TOKEN_VARIABLE, VAULT_VARIABLES};
use crds::{SecretKeyRef, SignerBinding};
use serde_json::Value;

use crate::backends::{self, KeyBackend};
use crate::model::deployment::LiveDeployment;
use crate::template::variables::token_variable;

/// The variables that identify a voter.
const OF_A_VOTER: [&str; 5] = {
    let [address, namespace] = VAULT_VARIABLES;
    [BACKEND_VARIABLE, KEY_VARIABLE, TOKEN_VARIABLE, address, namespace]
};

/// Whether the Deployment has the operator's signer with this binding's key and token.
pub fn is_its_voter(binding: &SignerBinding, live: &LiveDeployment) -> bool {
    let is_same =
        |backend: &dyn KeyBackend| other_voter(live, &backend.voter(), &binding.spec.token_secret_ref).is_none();
    live.owns_signer() && backends::of(&binding.spec.key).is_some_and(is_same)
}

/// The first variable of the signer that identifies another voter. `key` has the variables of the key.
pub fn other_voter(live: &LiveDeployment, key: &[Value], token: &SecretKeyRef) -> Option<&'static str> {
    let found = live.signer()?["env"].as_array().map_or(&[][..], Vec::as_slice);
    let token = [token_variable(token)];
    OF_A_VOTER.into_iter().find(|name| {
        let wanted = find(key, name).or_else(|| find(&token, name));
        match (find(found, name), wanted) {
            (Some(found), Some(wanted)) => !same_source(found, wanted),
            (found, wanted) => found.is_some() || wanted.is_some(),
        }
    })
}

fn find<'a>(env: &'a [Value], name: &str) -> Option<&'a Value> {
    env.iter().find(|entry| entry["name"] == name)
}

/// The key in a signer container, in the form of a status.
pub fn key_of(signer: &Value) -> Option<String> {
    let env = signer["env"].as_array()?;
    key_name(|name| find(env, name).cloned())
}

/// The key of a backend, in the form of a status.
pub fn key_of_backend(backend: &dyn KeyBackend) -> Option<String> {
    let voter = backend.voter();
    key_name(|name| find(&voter, name).cloned())
}

/// The key that variables name: the resource ID of a key version, an ARN, Secret and key, or name and server.
pub fn key_name(variable: impl Fn(&str) -> Option<Value>) -> Option<String> {
    let key = variable(KEY_VARIABLE)?;
    let reference = &key["valueFrom"]["secretKeyRef"];
    let of_secret = || {
        Some(format!(
            "{}/{}",
            reference["name"].as_str()?,
            reference["key"].as_str()?
        ))
    };
    let name = key["value"].as_str().map(str::to_owned).or_else(of_secret)?;
    let server = VAULT_VARIABLES.map(variable);
    let [address, namespace] = server.each_ref().map(|entry| entry.as_ref()?["value"].as_str());
    let at = address.map(|address| format!(" at {address}")).unwrap_or_default();
    let within = namespace.map(|namespace| format!(" in namespace {namespace}"));
    Some(format!("{name}{at}{}", within.unwrap_or_default()))
}

/// Whether a variable has the wanted value or the wanted key of a Secret.
pub fn same_source(entry: &Value, wanted: &Value) -> bool {
    if let Some(value) = wanted["value"].as_str() {
        return entry["valueFrom"].is_null() && entry["value"].as_str().unwrap_or_default() == value;
    }
    let source = |entry: &Value| entry["valueFrom"]["secretKeyRef"].clone();
    let (found, wanted) = (source(entry), source(wanted));
    found["name"] == wanted["name"] && found["key"] == wanted["key"]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn another_server_is_another_voter() {
        let variable = |name: &str, value: &str| json!({"name": name, "value": value});
        let key = [
            variable("ATTO_SIGNER_BACKEND", "VAULT"),
            variable("ATTO_SIGNER_KEY", "transit/keys/a/versions/1"),
            variable("ATTO_SIGNER_VAULT_ADDRESS", "https://a"),
        ];
        let token = SecretKeyRef {
            name: "t".to_owned(),
            key: "k".to_owned(),
        };
        let of = |change: &dyn Fn(&mut Vec<Value>)| {
            let mut env = key.to_vec();
            env.push(token_variable(&token));
            env.push(variable("ATTO_SIGNER_VAULT_ROLE", "r"));
            change(&mut env);
            let signer = json!({"name": "signer", "env": env});
            let live = LiveDeployment::new(json!({"spec": {"template": {"spec": {"initContainers": [signer]}}}}));
            (other_voter(&live, &key, &token), live.signer().and_then(key_of))
        };
        let named = |text: &str| Some(text.to_owned());
        assert_eq!(of(&|_| {}), (None, named("transit/keys/a/versions/1 at https://a")));
        assert_eq!(
            of(&|env| env[4]["value"] = json!("other")).0,
            None,
            "a role lets the same voter in"
        );
        let namespace = "ATTO_SIGNER_VAULT_NAMESPACE";
        let (other, name) = of(&|env| env.push(variable(namespace, "team-a")));
        assert_eq!(other, Some(namespace));
        assert_eq!(
            name,
            named("transit/keys/a/versions/1 at https://a in namespace team-a")
        );
        assert_eq!(
            of(&|env| env[2]["value"] = json!("https://b")).0,
            Some("ATTO_SIGNER_VAULT_ADDRESS")
        );
        assert_eq!(of(&|env| drop(env.remove(2))).0, Some("ATTO_SIGNER_VAULT_ADDRESS"));
        assert_eq!(of(&|env| env[1]["value"] = json!("x")).0, Some("ATTO_SIGNER_KEY"));
    }
}
