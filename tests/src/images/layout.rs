//! The files of an OCI image layout, and their archive.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;

use anyhow::{Context, Result};
use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};
use tar::{Builder, Header};

use super::{INDEX, digest};

/// Blobs by digest.
#[derive(Default)]
pub struct Layout {
    blobs: BTreeMap<String, Vec<u8>>,
}

impl Layout {
    /// Adds a blob, and returns its descriptor.
    pub fn add(&mut self, media_type: &str, bytes: Vec<u8>) -> Value {
        let digest = digest(&bytes);
        let descriptor = json!({"mediaType": media_type, "digest": digest, "size": bytes.len()});
        self.blobs.insert(digest, bytes);
        descriptor
    }

    /// Writes the archive to a temporary file first, so that it is never incomplete.
    pub fn write(&self, file: &Path, reference: &str, mut root: Value, epoch: i64) -> Result<()> {
        let (_, tag) = reference.rsplit_once(':').context("an image without a tag")?;
        root["annotations"] = json!({
            // The names used by containerd and Docker, and by the specification.
            "io.containerd.image.name": reference,
            "org.opencontainers.image.ref.name": tag,
        });
        let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [root]});
        let unfinished = file.with_extension("unfinished");
        let mut archive = Builder::new(File::create(&unfinished)?);
        let mut add = |path: &str, bytes: &[u8]| {
            let mut header = Header::new_ustar();
            header.set_mode(0o644);
            header.set_mtime(epoch.unsigned_abs());
            header.set_size(bytes.len() as u64);
            header.set_uid(0);
            header.set_gid(0);
            archive.append_data(&mut header, path, bytes)
        };
        add(
            "oci-layout",
            json!({"imageLayoutVersion": "1.0.0"}).to_string().as_bytes(),
        )?;
        add("index.json", index.to_string().as_bytes())?;
        for (digest, bytes) in &self.blobs {
            add(&format!("blobs/{}", digest.replace(':', "/")), bytes)?;
        }
        archive.into_inner()?.sync_all()?;
        fs::rename(&unfinished, file).with_context(|| format!("cannot write {}", file.display()))
    }
}

/// As RFC 3339 writes it.
pub fn time(epoch: i64) -> Result<String> {
    let time = Timestamp::from_second(epoch).with_context(|| format!("found {epoch}, expected seconds since 1970"))?;
    Ok(time.to_string())
}
