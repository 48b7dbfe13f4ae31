//! What this machine is, as Go and container images name it.

use std::env::consts::{ARCH, OS};

/// Such as `linux-amd64`.
pub fn platform() -> String {
    format!("{}-{}", if OS == "macos" { "darwin" } else { OS }, architecture())
}

/// Such as `amd64`.
pub fn architecture() -> &'static str {
    match ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}
