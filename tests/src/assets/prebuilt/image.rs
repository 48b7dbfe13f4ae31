//! Extracts a program from an image in a registry: from the digest of its index to the layers, each verified by its SHA-256.

use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::download::Downloads;
use super::pins::{Image, Sum};
use super::unpack::unpack;
use crate::platform::architecture;

const INDEX: &str =
    "application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json";
const MANIFEST: &str =
    "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json";

#[derive(Deserialize)]
struct Index {
    manifests: Vec<Described>,
}

#[derive(Deserialize)]
struct Described {
    digest: String,
    platform: Option<Platform>,
}

#[derive(Deserialize)]
struct Platform {
    os: String,
    architecture: String,
}

#[derive(Deserialize)]
struct Manifest {
    layers: Vec<Layer>,
}

#[derive(Deserialize)]
struct Layer {
    digest: String,
}

/// Writes the programs of the image into `folder`, and returns their number.
pub async fn programs(
    downloads: &Downloads,
    image: &Image,
    registry: &str,
    programs: &[String],
    folder: &Path,
) -> Result<usize> {
    let base = format!("{}/v2/{}", registry.trim_end_matches('/'), image.repository);
    let manifest = async |digest: &str, accept: &str| {
        let url = format!("{base}/manifests/{digest}");
        downloads.text(&url, accept, sha256(digest)?).await
    };
    let index: Index = serde_json::from_slice(&manifest(&image.digest, INDEX).await?)
        .with_context(|| format!("the index of {}", image.repository))?;
    let ours = |described: &&Described| {
        let platform = described.platform.as_ref();
        platform.is_some_and(|platform| platform.os == "linux" && platform.architecture == architecture())
    };
    let ours = index.manifests.iter().find(ours);
    let ours = ours.with_context(|| format!("{} has no image for linux-{}", image.repository, architecture()))?;
    let manifest: Manifest = serde_json::from_slice(&manifest(&ours.digest, MANIFEST).await?)
        .with_context(|| format!("the manifest of {}", image.repository))?;
    // The last layers contain the programs; those before them are the operating system.
    for layer in manifest.layers.iter().rev() {
        let archive = folder.join(".layer.tar.gz");
        let url = format!("{base}/blobs/{}", layer.digest);
        let sum = Sum::Sha256(sha256(&layer.digest)?.to_owned());
        downloads.file(&url, &sum, &archive).await?;
        let found = unpack(&archive, &image.inside, programs, folder).with_context(|| url)?;
        if found > 0 {
            return Ok(found);
        }
    }
    Ok(0)
}

fn sha256(digest: &str) -> Result<&str> {
    digest
        .strip_prefix("sha256:")
        .with_context(|| format!("digest: found {digest:?}, expected sha256:…"))
}
