//! Whether a signer that was found is the voter of a binding: the same key and the same token.

use crds::names::KEY_VARIABLE;
use crds::{SecretKeyRef, SignerBinding};
use serde_json::Value;

use crate::backends::{self, KeyBackend};
use crate::model::deployment::LiveDeployment;
use crate::template::variables::voter_variables;

/// Whether the Deployment carries our signer with this binding's key and token.
pub fn is_its_voter(binding: &SignerBinding, live: &LiveDeployment) -> bool {
    let is_same =
        |backend: &dyn KeyBackend| other_voter(live, &backend.variables(), &binding.spec.token_secret_ref).is_none();
    live.owns_signer() && backends::of(&binding.spec.key).is_some_and(is_same)
}

/// The first variable of the signer by which it is another voter.
pub fn other_voter(live: &LiveDeployment, key: &[Value; 2], token: &SecretKeyRef) -> Option<&'static str> {
    let found = live.signer()?["env"].as_array().map_or(&[][..], Vec::as_slice);
    let wanted = voter_variables(key, token);
    ["ATTO_SIGNER_BACKEND", KEY_VARIABLE, "ATTO_SIGNER_TOKEN"]
        .into_iter()
        .find(|name| {
            let of = |env: &[Value]| {
                env.iter()
                    .find(|entry| entry["name"] == *name)
                    .cloned()
                    .unwrap_or_default()
            };
            !same_source(&of(found), &of(&wanted))
        })
}

/// The key that a signer container is given, as a status names it.
pub fn key_of(signer: &Value) -> Option<String> {
    let mut env = signer["env"].as_array().into_iter().flatten();
    key_name(env.find(|entry| entry["name"] == KEY_VARIABLE)?)
}

/// The key that a variable names: the resource ID of a key version, or Secret and key.
pub fn key_name(variable: &Value) -> Option<String> {
    let reference = &variable["valueFrom"]["secretKeyRef"];
    let of_secret = || {
        Some(format!(
            "{}/{}",
            reference["name"].as_str()?,
            reference["key"].as_str()?
        ))
    };
    variable["value"].as_str().map(str::to_owned).or_else(of_secret)
}

/// Whether a variable has the value, or the key of a Secret, that is wanted.
pub fn same_source(entry: &Value, wanted: &Value) -> bool {
    if let Some(value) = wanted["value"].as_str() {
        return entry["valueFrom"].is_null() && entry["value"].as_str().unwrap_or_default() == value;
    }
    let source = |entry: &Value| entry["valueFrom"]["secretKeyRef"].clone();
    let (found, wanted) = (source(entry), source(wanted));
    found["name"] == wanted["name"] && found["key"] == wanted["key"]
}
