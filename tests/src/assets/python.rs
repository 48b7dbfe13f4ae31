//! Programs from Python packages, pinned by version and hash, and installed into the cache folder.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::{cache, progress};

/// The packages that a file of `tests/python` pins.
#[derive(Debug)]
pub struct Packages {
    /// The name of the folder in the cache.
    pub name: &'static str,
    /// The file's text: every package with its accepted hashes.
    pub requirements: &'static str,
}

pub const OPENBAO: Packages = Packages {
    name: "openbao",
    requirements: include_str!("../../python/openbao.txt"),
};

pub const MINISTACK: Packages = Packages {
    name: "ministack",
    requirements: include_str!("../../python/ministack.txt"),
};

pub const ZIZMOR: Packages = Packages {
    name: "zizmor",
    requirements: include_str!("../../python/zizmor.txt"),
};

impl Packages {
    /// The folder with the packages, installed if necessary. pip's own configuration determines the index.
    ///
    /// # Errors
    /// pip's error, or what to install if pip is missing.
    pub fn install(&self) -> Result<PathBuf> {
        let version = self.version()?;
        let directory = cache::directory(self.name, version, &[self.requirements])?;
        let packages = directory.join("packages");
        if packages.is_dir() {
            return Ok(packages);
        }
        let _lock = cache::lock(&directory)?;
        if packages.is_dir() {
            return Ok(packages);
        }
        progress(&format!("installing {} {version} with pip, once …", self.name));
        let unfinished = directory.join(".unfinished");
        if unfinished.exists() {
            fs::remove_dir_all(&unfinished).with_context(|| format!("cannot remove {}", unfinished.display()))?;
        }
        let requirements = directory.join("requirements.txt");
        fs::write(&requirements, self.requirements)
            .with_context(|| format!("cannot write {}", requirements.display()))?;
        let output = Command::new("python3")
            .args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--no-input",
                "--disable-pip-version-check",
                "--no-deps",
            ])
            .args(["--require-hashes", "--only-binary=:all:", "--no-compile", "--target"])
            .arg(&unfinished)
            .arg("--requirement")
            .arg(&requirements)
            .output()
            .context("cannot run python3: install Python 3 with pip")?;
        if !output.status.success() {
            bail!(
                "pip cannot install {} {version} (python3 -m pip): {}",
                self.name,
                String::from_utf8_lossy(&output.stderr)
            );
        }
        fs::rename(&unfinished, &packages).with_context(|| format!("cannot put {} in its place", self.name))?;
        Ok(packages)
    }

    /// The version of the first package.
    fn version(&self) -> Result<&'static str> {
        let pinned = self.requirements.lines().find_map(|line| line.split_once("=="));
        let version = pinned.and_then(|(_, rest)| rest.split([' ', '\\', ';']).next());
        version.with_context(|| format!("the requirements of {} pin no version", self.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_package_is_pinned_by_its_hash() {
        for packages in [MINISTACK, OPENBAO, ZIZMOR] {
            assert!(
                packages
                    .version()
                    .unwrap()
                    .starts_with(|first: char| first.is_ascii_digit())
            );
            let pins = packages.requirements.matches("==").count();
            assert!(
                packages.requirements.matches("--hash=sha256:").count() >= pins,
                "{}",
                packages.name
            );
            assert!(!packages.requirements.contains("://"), "{}", packages.name);
        }
    }
}
