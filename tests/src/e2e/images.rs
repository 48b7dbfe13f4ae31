//! The images of a run: of the static programs that `make image` has built where `E2E_PROGRAMS` names their folder, else of the
//! programs of this build with the libraries of this machine, which takes no build of its own.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::images::{Additions, Image, pack};
use crate::process::random_suffix;
use crate::workspace;

/// The tag of the image of the first container of every pod, which containerd's settings name.
const OF_EVERY_POD: &str = "e2e";

/// What this run's images are called. Each run has a tag of its own, so none finds those of another.
pub struct Images {
    repository: String,
    tag: String,
    folder: PathBuf,
}

/// An image as an archive, and its name.
pub struct Archive {
    pub file: PathBuf,
    pub name: String,
}

impl Images {
    pub fn new(repository: &str, folder: &Path) -> Self {
        Self {
            repository: repository.to_owned(),
            tag: format!("e2e-{}", random_suffix()),
            folder: folder.to_owned(),
        }
    }

    /// Without its tag.
    pub fn repository(&self, image: &str) -> String {
        format!("{}/{image}", self.repository)
    }

    pub fn tag(&self) -> &str {
        &self.tag
    }

    pub fn name(&self, image: &str) -> String {
        format!("{}:{}", self.repository(image), self.tag)
    }

    /// A program of this tree as an image.
    pub async fn pack(&self, image: &str, program: &'static str, additions: Additions) -> Result<Archive> {
        let (name, tag, folder) = (self.name(image), self.tag.clone(), self.folder.clone());
        let packed = tokio::task::spawn_blocking({
            let name = name.clone();
            move || build(&name, &tag, program, &folder, additions)
        });
        let file = packed.await??;
        // Two images of one program would be one archive.
        let of_its_own = file.with_file_name(format!("{image}.oci.tar"));
        fs::rename(&file, &of_its_own)?;
        Ok(Archive { file: of_its_own, name })
    }
}

/// The image of the first container of every pod.
pub fn pause(folder: &Path) -> Result<PathBuf> {
    let additions = Additions {
        env: vec!["VOTER_ONLY_PAUSES=true".to_owned()],
        ..Additions::default()
    };
    let name = format!("localhost/pause:{OF_EVERY_POD}");
    build(&name, OF_EVERY_POD, "voter", folder, additions)
}

fn build(reference: &str, tag: &str, program: &str, folder: &Path, additions: Additions) -> Result<PathBuf> {
    let path = self::program(program)?;
    let libraries = libraries(&path)?;
    let image = Image {
        name: program.to_owned(),
        reference: reference.to_owned(),
        description: "of an end-to-end run".to_owned(),
        version: tag.to_owned(),
        revision: tag.to_owned(),
        epoch: 0,
        programs: vec![(architecture()?.to_owned(), path)],
        compressed: false,
        additions: Additions { libraries, ..additions },
    };
    Ok(pack(&image, folder)?.file)
}

fn program(name: &str) -> Result<PathBuf> {
    match std::env::var_os("E2E_PROGRAMS") {
        // What stands in for others is no product, and is in no such folder.
        Some(folder) if !folder.is_empty() && ["operator", "signer"].contains(&name) => {
            Ok(Path::new(&folder).join(name))
        }
        _ => workspace::program(name),
    }
}

fn architecture() -> Result<&'static str> {
    match std::env::consts::ARCH {
        "x86_64" => Ok("amd64"),
        "aarch64" => Ok("arm64"),
        other => anyhow::bail!("found a machine of {other}, expected x86_64 or aarch64"),
    }
}

/// What `ldd` says that a program needs, where it is linked dynamically.
fn libraries(program: &Path) -> Result<Vec<(String, Vec<u8>)>> {
    let done = Command::new("ldd").arg(program).output().context("cannot run ldd")?;
    let text = String::from_utf8_lossy(&done.stdout);
    let words = text.lines().filter_map(|line| {
        let word = line.split_whitespace().find(|word| word.starts_with('/'))?;
        Some(word.to_owned())
    });
    let mut found = BTreeMap::new();
    for path in words {
        let bytes = fs::read(&path).with_context(|| format!("cannot read {path}"))?;
        found.insert(path.trim_start_matches('/').to_owned(), bytes);
    }
    ensure!(
        done.status.success() || found.is_empty(),
        "ldd {}: {}",
        program.display(),
        String::from_utf8_lossy(&done.stderr)
    );
    Ok(found.into_iter().collect())
}
