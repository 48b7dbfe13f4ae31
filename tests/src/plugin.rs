//! The kubectl plugin as krew installs it: an archive for each platform, and the manifest that names them.
//! Source: <https://krew.sigs.k8s.io/docs/developer-guide/plugin-manifest/>

use std::fmt::{self, Display};
use std::fs;
use std::path::Path;
use std::str::FromStr;

use anyhow::{Context, Result};
use data_encoding::HEXLOWER;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tar::{Builder, Header};

use crate::images::gzip;
use crate::workspace;

const REPOSITORY: &str = "https://github.com/attocash/signer-operator";
const PROGRAM: &str = "kubectl-atto_signer";
const LICENCE: &str = "LICENSE";

/// An operating system and an architecture, in krew's names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Platform {
    os: String,
    architecture: String,
}

impl FromStr for Platform {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('/') {
            Some((os @ ("linux" | "darwin" | "windows"), architecture @ ("amd64" | "arm64"))) => Ok(Self {
                os: os.to_owned(),
                architecture: architecture.to_owned(),
            }),
            _ => Err(format!("found {text:?}, expected OS/ARCHITECTURE such as linux/amd64")),
        }
    }
}

impl Display for Platform {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{}", self.os, self.architecture)
    }
}

impl Platform {
    fn program(&self) -> String {
        let end = if self.os == "windows" { ".exe" } else { "" };
        format!("{PROGRAM}{end}")
    }

    fn archive(&self, version: &str) -> String {
        format!("{PROGRAM}-{version}-{self}.tar.gz")
    }
}

/// Writes an archive of each program, and the manifest for all of them.
///
/// # Errors
/// If a program cannot be read or a file cannot be written.
pub fn pack(out: &Path, version: &str, epoch: u64, programs: &[(Platform, &Path)]) -> Result<()> {
    fs::create_dir_all(out).with_context(|| format!("cannot make {}", out.display()))?;
    let licence = read(&workspace::root().join(LICENCE))?;
    let mut platforms = vec![];
    for (platform, program) in programs {
        let archive = archive(&platform.program(), &read(program)?, &licence, epoch)?;
        let name = platform.archive(version);
        let path = out.join(&name);
        fs::write(&path, &archive).with_context(|| format!("cannot write {}", path.display()))?;
        platforms.push(json!({
            "selector": {"matchLabels": {"os": platform.os, "arch": platform.architecture}},
            "uri": format!("{REPOSITORY}/releases/download/v{version}/{name}"),
            "sha256": HEXLOWER.encode(&Sha256::digest(&archive)),
            "bin": platform.program(),
        }));
    }
    let path = out.join("atto-signer.yaml");
    let text = serde_yaml::to_string(&manifest(version, &platforms))?;
    fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

fn archive(name: &str, program: &[u8], licence: &[u8], epoch: u64) -> Result<Vec<u8>> {
    let mut archive = Builder::new(vec![]);
    for (path, mode, bytes) in [(LICENCE, 0o644, licence), (name, 0o755, program)] {
        let mut header = Header::new_ustar();
        header.set_mode(mode);
        header.set_mtime(epoch);
        header.set_size(bytes.len() as u64);
        archive.append_data(&mut header, path, bytes)?;
    }
    gzip(&archive.into_inner()?)
}

fn manifest(version: &str, platforms: &[Value]) -> Value {
    json!({
        "apiVersion": "krew.googlecontainertools.github.com/v1alpha2",
        "kind": "Plugin",
        "metadata": {"name": "atto-signer"},
        "spec": {
            "version": format!("v{version}"),
            "homepage": REPOSITORY,
            "shortDescription": "Show and approve the signers of Atto voter nodes",
            "description": "Shows the SignerBindings of a namespace or of the cluster with the next steps, explains why a\nDeployment has or does not have a signer, shows and approves a waiting change, and writes an\narchive for a support request, without Secrets and tokens.\n",
            "platforms": platforms,
        },
    })
}

#[cfg(test)]
mod tests {
    use flate2::read::GzDecoder;

    use super::*;
    use crate::process::Directory;

    #[test]
    fn the_manifest_names_what_is_in_the_archives() -> Result<()> {
        let folder = Directory::new()?;
        let program = folder.path().join("program");
        fs::write(&program, b"a program")?;
        let platforms = ["linux/amd64", "windows/amd64"].map(str::parse::<Platform>);
        let [linux, windows] = platforms.map(|platform| platform.map_err(anyhow::Error::msg));
        let programs = [(linux?, program.as_path()), (windows?, program.as_path())];
        pack(folder.path(), "1.2.3", 5, &programs)?;
        let manifest: Value = serde_yaml::from_slice(&fs::read(folder.path().join("atto-signer.yaml"))?)?;
        assert_eq!(manifest["spec"]["version"], "v1.2.3");
        for (index, (platform, program)) in [("linux-amd64", PROGRAM), ("windows-amd64", "kubectl-atto_signer.exe")]
            .into_iter()
            .enumerate()
        {
            let said = &manifest["spec"]["platforms"][index];
            let name = format!("kubectl-atto_signer-1.2.3-{platform}.tar.gz");
            let bytes = fs::read(folder.path().join(&name))?;
            assert_eq!(said["uri"], format!("{REPOSITORY}/releases/download/v1.2.3/{name}"));
            assert_eq!(said["sha256"], HEXLOWER.encode(&Sha256::digest(&bytes)));
            assert_eq!(said["bin"], program);
            let mut archive = tar::Archive::new(GzDecoder::new(bytes.as_slice()));
            let paths: Result<Vec<_>> = archive
                .entries()?
                .map(|entry| Ok(entry?.path()?.display().to_string()))
                .collect();
            assert_eq!(paths?, [LICENCE, program]);
        }
        assert!("plan9/amd64".parse::<Platform>().is_err());
        Ok(())
    }
}
