//! Steps that many rows share.

use serde_json::Value;

use super::guarded::row::{Step, container};

pub const BACKEND: &str = "ATTO_SIGNER_BACKEND";
pub const URL: &str = "ATTO_SIGNER_REMOTE_URL";
pub const TOKEN: &str = "ATTO_SIGNER_REMOTE_TOKEN";

pub fn kubectl<const N: usize>(arguments: [&'static str; N]) -> Step {
    Step::Kubectl(arguments.to_vec())
}

pub fn set_env(variable: &'static str) -> Step {
    kubectl(["set", "env", "deployment/voter", "--containers=node", variable])
}

pub fn pause() -> Step {
    kubectl(["rollout", "pause", "deployment/voter"])
}

pub fn resume() -> Step {
    kubectl(["rollout", "resume", "deployment/voter"])
}

pub fn scale(replicas: &'static str) -> Step {
    kubectl(["scale", "deployment/voter", replicas])
}

/// The node's container of a manifest.
pub fn node(manifest: &mut Value) -> &mut Value {
    container(manifest, "containers", "node")
}
