//! The platform of this computer, in the names of Go and of container images.

use std::env::consts::{ARCH, OS};

/// Operating system and architecture, such as `linux-amd64`.
pub fn platform() -> String {
    format!("{}-{}", if OS == "macos" { "darwin" } else { OS }, architecture())
}

/// The architecture, such as `amd64`.
pub fn architecture() -> &'static str {
    match ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}
