//! The images of a run: of the programs in the folder of `E2E_PROGRAMS`, by default the static ones of `make image`. Stand-ins
//! are from this build, with the libraries of this computer.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::images::{Additions, Image, pack};
use crate::platform::architecture;
use crate::process::random_suffix;
use crate::workspace;

/// The tag of the pause image, which containerd's settings name.
const OF_EVERY_POD: &str = "e2e";

const OF_THE_PRODUCT: [&str; 2] = ["operator", "signer"];

/// The names of this run's images. Each run has its own tag, so that it does not find other runs' images.
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

    /// Without the tag.
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
    pub async fn pack(&self, image: &str, name: &str, additions: Additions) -> Result<Archive> {
        self.pack_program(image, program(name)?, additions).await
    }

    /// The tutorial's stand-in for a node: curl, a shell and sleep, from this computer.
    pub async fn pack_tools(&self) -> Result<Archive> {
        let additions = tools(&["sh", "sleep"])?;
        self.pack_program("tools", of_this_machine("curl")?, additions).await
    }

    /// Any program as an image.
    pub async fn pack_program(&self, image: &str, program: PathBuf, additions: Additions) -> Result<Archive> {
        let (name, tag, folder) = (self.name(image), self.tag.clone(), self.folder.clone());
        let packed = tokio::task::spawn_blocking({
            let name = name.clone();
            move || build(&name, &tag, program, &folder, additions)
        });
        let file = packed.await??;
        // Two images of the same program would otherwise have the same archive.
        let of_its_own = file.with_file_name(format!("{image}.oci.tar"));
        fs::rename(&file, &of_its_own)?;
        Ok(Archive { file: of_its_own, name })
    }
}

/// Programs of this computer, with their libraries.
pub fn tools(names: &[&str]) -> Result<Additions> {
    let mut additions = Additions::default();
    for name in names {
        let path = of_this_machine(name)?;
        let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        additions.libraries.push(((*name).to_owned(), bytes));
        additions.libraries.extend(libraries(&path)?);
    }
    Ok(additions)
}

/// The pause image.
pub fn pause(folder: &Path) -> Result<PathBuf> {
    let additions = Additions {
        env: vec!["VOTER_ONLY_PAUSES=true".to_owned()],
        ..Additions::default()
    };
    let name = format!("localhost/pause:{OF_EVERY_POD}");
    build(&name, OF_EVERY_POD, program("voter")?, folder, additions)
}

fn build(reference: &str, tag: &str, program: PathBuf, folder: &Path, mut additions: Additions) -> Result<PathBuf> {
    let name = program
        .file_name()
        .and_then(|name| name.to_str())
        .context("a program without a name")?;
    additions.libraries.extend(libraries(&program)?);
    // Compressed as it is published; other images are only used here.
    let compressed = additions.libraries.is_empty() && OF_THE_PRODUCT.contains(&name);
    // Programs share libraries.
    additions.libraries.sort();
    additions.libraries.dedup();
    let image = Image {
        name: name.to_owned(),
        reference: reference.to_owned(),
        description: "of an end-to-end run".to_owned(),
        version: tag.to_owned(),
        revision: tag.to_owned(),
        epoch: 0,
        programs: vec![(architecture().to_owned(), program)],
        compressed,
        additions,
    };
    Ok(pack(&image, folder)?.file)
}

fn program(name: &str) -> Result<PathBuf> {
    match std::env::var_os("E2E_PROGRAMS") {
        // Stand-ins are not part of the product, so they are not in this folder.
        Some(folder) if !folder.is_empty() && OF_THE_PRODUCT.contains(&name) => Ok(Path::new(&folder).join(name)),
        _ => workspace::program(name),
    }
}

/// Where a shell would find a program.
fn of_this_machine(name: &str) -> Result<PathBuf> {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&folders)
        .map(|folder| folder.join(name))
        .find(|path| path.is_file());
    found.with_context(|| format!("found no {name} on this machine, which the tutorial's voter needs: install it"))
}

/// The libraries of a dynamically linked program, according to `ldd`.
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
