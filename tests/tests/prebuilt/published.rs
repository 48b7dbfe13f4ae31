//! Small files instead of the projects' published files, and the pins that name them.

use std::collections::BTreeMap;
use std::io::Write;

use anyhow::Result;
use data_encoding::HEXLOWER;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use sha2::{Digest, Sha256, Sha512};
use tar::{Builder, EntryType, Header};

const PLATFORMS: [&str; 4] = ["darwin-amd64", "darwin-arm64", "linux-amd64", "linux-arm64"];

/// The files by path on the server, and the content of the file of pins.
pub fn files_and_pins() -> Result<(BTreeMap<String, Vec<u8>>, Value)> {
    let kubernetes = archive("controller-tools/envtest", &["etcd", "kube-apiserver", "kubectl"])?;
    let helm = archive("here", &["helm"])?;
    let base = archive("usr/lib", &["libc"])?;
    let layer = archive("usr/local/bin", &["kube-controller-manager"])?;
    let manifest = json!({"layers": [{"digest": digest(&base)}, {"digest": digest(&layer)}]}).to_string();
    let of = |architecture: &str| json!({"digest": digest(manifest.as_bytes()), "platform": {"os": "linux", "architecture": architecture}});
    let index = json!({"manifests": [of("s390x"), of("amd64"), of("arm64")]}).to_string();
    let archives = |file: &str, inside: &str, kind: &str, sum: String| {
        let each = PLATFORMS.map(|platform| {
            let url = format!("https://publisher.invalid/some/{file}");
            (platform.to_owned(), json!({"url": url, "inside": inside, kind: sum}))
        });
        Value::Object(each.into_iter().collect())
    };
    let sha512 = HEXLOWER.encode(&Sha512::digest(&kubernetes));
    let sha256 = HEXLOWER.encode(&Sha256::digest(&helm));
    let pins = json!({
        "kubernetes": {"version": "v1.2.3", "programs": ["etcd", "kube-apiserver", "kubectl"],
            "archives": archives("kubernetes.tar.gz", "controller-tools/envtest", "sha512", sha512)},
        "kube-controller-manager": {"version": "v1.2.3", "programs": ["kube-controller-manager"],
            "image": {"registry": "https://registry.invalid", "repository": "manager", "digest": digest(index.as_bytes()),
                "inside": "usr/local/bin"}},
        "helm": {"version": "v4.5.6", "programs": ["helm"], "archives": archives("helm.tar.gz", "here", "sha256", sha256)},
    });
    let in_registry = |kind: &str, bytes: &[u8]| format!("/v2/manager/{kind}/{}", digest(bytes));
    let files = [
        ("/kubernetes.tar.gz".to_owned(), kubernetes),
        ("/helm.tar.gz".to_owned(), helm),
        (in_registry("manifests", index.as_bytes()), index.into_bytes()),
        (in_registry("manifests", manifest.as_bytes()), manifest.into_bytes()),
        (in_registry("blobs", &base), base),
        (in_registry("blobs", &layer), layer),
    ];
    Ok((files.into_iter().collect(), pins))
}

/// Each program prints that it was downloaded. The archive also contains other files.
fn archive(inside: &str, programs: &[&str]) -> Result<Vec<u8>> {
    let mut tar = Builder::new(Vec::new());
    for name in programs.iter().chain(&["README"]) {
        let text = format!("downloaded {name}");
        let mut header = Header::new_gnu();
        header.set_size(text.len().try_into()?);
        header.set_mode(0o644);
        tar.append_data(&mut header, format!("./{inside}/{name}"), text.as_bytes())?;
    }
    let mut link = Header::new_gnu();
    link.set_entry_type(EntryType::Symlink);
    link.set_size(0);
    tar.append_link(&mut link, "elsewhere", "/")?;
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(&tar.into_inner()?)?;
    Ok(gzip.finish()?)
}

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", HEXLOWER.encode(&Sha256::digest(bytes)))
}
