//! Helpers of several of these tests.

use anyhow::Result;
use serde_json::{Value, json};
use tests::process::Port;
use tests::signer_process::{KEY, PUBLIC_KEY, TOKEN, environment, run};

pub const ADDRESS: &str = "atto://aa5wuj54z23killcuounaktpbvzwkmqvo4o6eq5ghlaerimllhnctwl5g2ekm";

pub fn vote() -> String {
    let hash = "AB".repeat(32);
    json!({ "target": {
        "version": 0, "algorithm": "V1", "publicKey": PUBLIC_KEY, "blockAlgorithm": "V1", "blockHash": hash, "timestamp": 1,
    } })
    .to_string()
}

pub fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Starts with these changes, expects that the signer exits, and returns exit code and output.
pub fn refused(arguments: &[&str], changes: &[(&str, &str)]) -> Result<(i32, String)> {
    let (port, management) = (Port::reserve()?, Port::reserve()?);
    let (port, management) = (port.number().to_string(), management.number().to_string());
    let mut environment = environment(&port, &management);
    environment.extend_from_slice(changes);
    let output = run(arguments, &environment)?;
    let text = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    for secret in [TOKEN, KEY] {
        assert!(!text.contains(secret), "{text}");
    }
    Ok((output.status.code().unwrap_or(-1), text))
}
