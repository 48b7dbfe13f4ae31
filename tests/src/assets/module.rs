//! A Go module of this repository, and how its programs are built.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::{cache, go, progress};

/// A Go module of this repository whose `go.mod` pins the programs that are built from it.
pub struct Module {
    pub(super) name: &'static str,
    /// Relative to this crate.
    pub(super) folder: &'static str,
    pub(super) go_mod: &'static str,
    pub(super) go_sum: &'static str,
    /// The requirement whose version the programs report.
    pub(super) versioned_by: &'static str,
    /// Linker flags, given that version.
    pub(super) stamp: fn(&str) -> String,
    /// Build tags, separated by commas.
    pub(super) tags: &'static str,
    pub(super) programs: &'static [Program],
}

pub(super) struct Program {
    pub(super) name: &'static str,
    pub(super) package: &'static str,
    /// Build time on two cores with empty caches.
    pub(super) takes: &'static str,
}

impl Module {
    /// Builds missing programs of the module (or only the named one), and returns their folder.
    pub fn build(&self, only: Option<&str>) -> Result<PathBuf> {
        let version = self.version()?;
        let flags = self.flags(&version);
        let directory = self.directory(&version, &flags)?;
        let wanted = || {
            self.programs
                .iter()
                .filter(|program| only.is_none_or(|name| name == program.name))
        };
        let is_built = |program: &&Program| directory.join(program.name).is_file();
        if wanted().all(|program| is_built(&program)) {
            return Ok(directory);
        }
        let _lock = cache::lock(&directory)?;
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(self.folder);
        let missing: Vec<_> = wanted().filter(|program| !is_built(program)).collect();
        go::require(
            self.go_mod,
            &missing
                .iter()
                .map(|program| program.name)
                .collect::<Vec<_>>()
                .join(", "),
        )?;
        for Program { name, package, takes } in missing {
            progress(&format!(
                "building {name} {version}, once, about {takes} on two cores …"
            ));
            let unfinished = directory.join(format!(".{name}.unfinished"));
            go::build(&source, self.tags, &flags, package, &unfinished)?;
            fs::rename(&unfinished, directory.join(name)).with_context(|| format!("cannot put {name} in its place"))?;
        }
        Ok(directory)
    }

    /// The folder with all programs of the module (or the named one), if they are already built.
    pub fn built(&self, only: Option<&str>) -> Result<Option<PathBuf>> {
        let version = self.version()?;
        let directory = self.directory(&version, &self.flags(&version))?;
        let mut wanted = self
            .programs
            .iter()
            .filter(|program| only.is_none_or(|name| name == program.name));
        let built = wanted.all(|program| directory.join(program.name).is_file());
        Ok(built.then_some(directory))
    }

    fn flags(&self, version: &str) -> String {
        format!("-s -w {}", (self.stamp)(version))
    }

    fn directory(&self, version: &str, flags: &str) -> Result<PathBuf> {
        let mut decided_by = vec![self.go_mod, self.go_sum, flags];
        if !self.tags.is_empty() {
            decided_by.push(self.tags);
        }
        cache::directory(self.name, version, &decided_by)
    }

    /// The version in `go.mod`, with its leading `v`.
    pub fn version(&self) -> Result<String> {
        let required = |line: &str| {
            let mut words = line.trim_start_matches("require ").split_whitespace();
            (words.next() == Some(self.versioned_by))
                .then(|| words.next().map(str::to_owned))
                .flatten()
        };
        self.go_mod
            .lines()
            .find_map(required)
            .filter(|version| version.starts_with('v'))
            .with_context(|| {
                format!(
                    "tests/{}/go.mod requires no version of {}",
                    self.folder, self.versioned_by
                )
            })
    }
}
