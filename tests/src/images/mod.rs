//! Container images without a daemon: a static program and the certificates of public authorities, in the layout of the OCI image
//! specification (<https://github.com/opencontainers/image-spec>). The same input gives the same bytes.

mod certificates;
mod layer;
mod layout;

use std::fs;
use std::path::{Path, PathBuf};

pub(crate) use layer::gzip;

use anyhow::{Context, Result, ensure};
use data_encoding::HEXLOWER;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use self::layout::Layout;

/// The user `nonroot` of many images.
const USER: &str = "65532:65532";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
const GZIP_LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// The content of an image.
pub struct Image {
    /// Name of the program, which also ends the image's name.
    pub name: String,
    /// Full reference of the image: registry, name and tag.
    pub reference: String,
    pub description: String,
    pub version: String,
    pub revision: String,
    /// Time of the last change of the sources, in seconds since 1970.
    pub epoch: i64,
    /// The path of the program for each architecture in Go's names.
    pub programs: Vec<(String, PathBuf)>,
    /// Whether its layer is compressed, which takes time.
    pub compressed: bool,
    /// Additions that only test images have.
    pub additions: Additions,
}

/// Additions to a test image.
#[derive(Default)]
pub struct Additions {
    /// Variables, as `NAME=value`.
    pub env: Vec<String>,
    /// An additional authority, in PEM.
    pub authority: String,
    /// The loader and the libraries of a program that is not static, by their paths without the first `/`.
    pub libraries: Vec<(String, Vec<u8>)>,
}

/// The written archive.
pub struct Packed {
    pub file: PathBuf,
    /// Digest of the index, which covers all architectures.
    pub digest: String,
    /// Pulled size per architecture.
    pub sizes: Vec<(String, u64)>,
}

/// Writes an archive for `ctr images import`, `kind load image-archive` and `skopeo copy oci-archive:`.
///
/// # Errors
/// Names the program that cannot be read or is not static.
pub fn pack(image: &Image, directory: &Path) -> Result<Packed> {
    let mut layout = Layout::default();
    let (mut manifests, mut sizes) = (vec![], vec![]);
    for (architecture, program) in &image.programs {
        let bytes = fs::read(program).with_context(|| format!("cannot read {}", program.display()))?;
        ensure!(
            !asks_for_a_loader(&bytes) || !image.additions.libraries.is_empty(),
            "{} is linked dynamically, and the image has no loader: build it for a musl target",
            program.display()
        );
        let (manifest, size) = manifest(&mut layout, image, architecture, &bytes)?;
        manifests.push(manifest);
        sizes.push((architecture.clone(), size));
    }
    let index = json!({
        "schemaVersion": 2,
        "mediaType": INDEX,
        "manifests": manifests,
        "annotations": labels(image)?,
    });
    let index = layout.add(INDEX, index.to_string().into_bytes());
    let digest = index["digest"].as_str().unwrap_or_default().to_owned();
    let file = directory.join(format!("{}-{}.oci.tar", image.name, image.version));
    fs::create_dir_all(directory).with_context(|| format!("cannot create {}", directory.display()))?;
    layout.write(&file, &image.reference, index, image.epoch)?;
    Ok(Packed { file, digest, sizes })
}

fn manifest(layout: &mut Layout, image: &Image, architecture: &str, program: &[u8]) -> Result<(Value, u64)> {
    let plain = layer::tar(image, program)?;
    let diff = digest(&plain);
    let layer = if image.compressed {
        layout.add(GZIP_LAYER, gzip(&plain)?)
    } else {
        layout.add(LAYER, plain)
    };
    // So that `kubectl exec` finds the program by name.
    let env: Vec<_> = std::iter::once("PATH=/")
        .chain(image.additions.env.iter().map(String::as_str))
        .collect();
    let config = json!({
        "created": layout::time(image.epoch)?,
        "architecture": architecture,
        "os": "linux",
        "config": {
            "User": USER,
            "Entrypoint": [format!("/{}", image.name)],
            "WorkingDir": "/",
            "Env": env,
            "Labels": labels(image)?,
        },
        "rootfs": {"type": "layers", "diff_ids": [diff]},
    });
    let config = layout.add(CONFIG, config.to_string().into_bytes());
    let size = [&layer, &config].iter().filter_map(|blob| blob["size"].as_u64()).sum();
    let manifest = json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer]});
    let mut descriptor = layout.add(MANIFEST, manifest.to_string().into_bytes());
    descriptor["platform"] = json!({"architecture": architecture, "os": "linux"});
    Ok((descriptor, size))
}

/// As <https://github.com/opencontainers/image-spec/blob/main/annotations.md> names them.
fn labels(image: &Image) -> Result<Value> {
    Ok(json!({
        "org.opencontainers.image.title": image.name,
        "org.opencontainers.image.description": image.description,
        "org.opencontainers.image.version": image.version,
        "org.opencontainers.image.revision": image.revision,
        "org.opencontainers.image.created": layout::time(image.epoch)?,
        "org.opencontainers.image.licenses": "Apache-2.0",
        "org.opencontainers.image.source": "https://github.com/attocash/signer-operator",
    }))
}

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", HEXLOWER.encode(&Sha256::digest(bytes)))
}

/// Whether an ELF file has a program header of type `PT_INTERP` (System V ABI, chapter 5).
fn asks_for_a_loader(elf: &[u8]) -> bool {
    const PT_INTERP: u32 = 3;
    let word = |at: usize| -> Option<usize> { Some(u16::from_le_bytes(elf.get(at..at + 2)?.try_into().ok()?).into()) };
    let start = elf
        .get(0x20..0x28)
        .and_then(|bytes| bytes.try_into().ok())
        .map(u64::from_le_bytes);
    let (Some(Ok(start)), Some(size), Some(count)) = (start.map(usize::try_from), word(0x36), word(0x38)) else {
        return false;
    };
    (0..count).any(|index| {
        let at = start + index * size;
        elf.get(at..at + 4) == Some(&PT_INTERP.to_le_bytes())
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::io::Read as _;

    use super::*;
    use crate::process::Directory;

    /// The files of an archive by path.
    fn files(archive: impl std::io::Read) -> BTreeMap<String, (u32, Vec<u8>)> {
        let mut archive = tar::Archive::new(archive);
        let entries = archive.entries().unwrap().map(|entry| {
            let mut entry = entry.unwrap();
            let header = entry.header();
            assert_eq!((header.uid().unwrap(), header.gid().unwrap()), (0, 0));
            assert_eq!(header.mtime().unwrap(), 1_700_000_000);
            let (path, mode) = (entry.path().unwrap().display().to_string(), header.mode().unwrap());
            let mut bytes = vec![];
            entry.read_to_end(&mut bytes).unwrap();
            (path, (mode, bytes))
        });
        entries.collect()
    }

    fn packed(folder: &Path) -> Packed {
        let program = |architecture: &str| {
            let path = folder.join(architecture);
            fs::write(&path, format!("a program for {architecture}")).unwrap();
            (architecture.to_owned(), path)
        };
        let image = Image {
            name: "signer".to_owned(),
            reference: "registry.example.com/signer:1".to_owned(),
            description: "Signs".to_owned(),
            version: "1".to_owned(),
            revision: "0123".to_owned(),
            epoch: 1_700_000_000,
            programs: vec![program("amd64"), program("arm64")],
            compressed: true,
            additions: Additions::default(),
        };
        pack(&image, folder).unwrap()
    }

    #[test]
    fn two_builds_are_one_image_for_two_platforms_with_nothing_but_program_and_certificates() {
        let (one, two) = (Directory::new().unwrap(), Directory::new().unwrap());
        let (first, second) = (packed(one.path()), packed(two.path()));
        let bytes = fs::read(&first.file).unwrap();
        assert!(
            bytes == fs::read(&second.file).unwrap(),
            "the same input gave other bytes"
        );
        assert_eq!(first.digest, second.digest);

        let layout = files(&bytes[..]);
        let blob = |descriptor: &Value| {
            let digest = descriptor["digest"].as_str().unwrap();
            let (_, bytes) = &layout[&format!("blobs/{}", digest.replace(':', "/"))];
            assert_eq!(
                (super::digest(bytes), descriptor["size"].as_u64()),
                (digest.to_owned(), Some(bytes.len() as u64))
            );
            bytes.clone()
        };
        let json = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).unwrap();
        let root = json(&layout["index.json"].1)["manifests"][0].take();
        assert_eq!(root["digest"], first.digest);
        let platforms = json(&blob(&root))["manifests"].take();
        for (manifest, architecture) in platforms.as_array().unwrap().iter().zip(["amd64", "arm64"]) {
            assert_eq!(
                manifest["platform"],
                json!({"architecture": architecture, "os": "linux"})
            );
            let manifest = json(&blob(manifest));
            let config = json(&blob(&manifest["config"]));
            assert_eq!(config["architecture"], architecture);
            assert_eq!(config["config"]["User"], "65532:65532");
            assert_eq!(config["config"]["Entrypoint"], json!(["/signer"]));
            assert_eq!(config["config"]["Labels"]["org.opencontainers.image.revision"], "0123");
            let mut layer = vec![];
            let packed = blob(&manifest["layers"][0]);
            flate2::read::GzDecoder::new(&packed[..])
                .read_to_end(&mut layer)
                .unwrap();
            assert_eq!(config["rootfs"]["diff_ids"], json!([digest(&layer)]));
            let mut content = files(&layer[..]);
            assert_eq!(
                content.remove("signer").unwrap(),
                (0o755, format!("a program for {architecture}").into_bytes())
            );
            let (_, authorities) = content.remove("etc/ssl/certs/ca-certificates.crt").unwrap();
            assert!(
                authorities.starts_with(b"-----BEGIN CERTIFICATE-----"),
                "no certificates"
            );
            let left: Vec<_> = content.keys().collect();
            assert_eq!(left, ["etc/", "etc/ssl/", "etc/ssl/certs/"]);
        }
    }

    #[test]
    fn a_program_that_needs_a_loader_is_told_from_one_that_does_not() {
        let this = fs::read(std::env::current_exe().unwrap()).unwrap();
        assert!(asks_for_a_loader(&this));
        assert!(!asks_for_a_loader(b"no program at all"));
    }
}
