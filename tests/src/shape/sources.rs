//! The Rust files of the programs, by their path in the repository.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

/// Text by path, with `/` between folders, as in messages.
#[derive(Debug, Default)]
pub struct Sources(BTreeMap<String, String>);

impl Sources {
    /// Reads `src` of each of the `crates` below `root`.
    ///
    /// # Errors
    /// A folder or a file cannot be read.
    pub fn read(root: &Path, crates: &[&str]) -> Result<Self> {
        let mut sources = Self::default();
        for name in crates {
            sources.read_folder(root, &format!("{name}/src"))?;
        }
        Ok(sources)
    }

    fn read_folder(&mut self, root: &Path, folder: &str) -> Result<()> {
        let entries = fs::read_dir(root.join(folder)).with_context(|| format!("cannot read the folder {folder}"))?;
        for entry in entries {
            let entry = entry.with_context(|| format!("cannot read the folder {folder}"))?;
            let name = entry.file_name();
            let name = name
                .to_str()
                .with_context(|| format!("{folder}: a name is not UTF-8"))?;
            let path = format!("{folder}/{name}");
            if entry.file_type().with_context(|| path.clone())?.is_dir() {
                self.read_folder(root, &path)?;
            } else if Path::new(name).extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(entry.path()).with_context(|| format!("cannot read {path}"))?;
                self.0.insert(path, text);
            }
        }
        Ok(())
    }

    pub fn files(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(path, text)| (path.as_str(), text.as_str()))
    }

    pub fn text(&self, path: &str) -> Option<&str> {
        self.0.get(path).map(String::as_str)
    }

    /// The first of these paths that exists.
    ///
    /// # Errors
    /// None exists. A module that is not followed would be a gap in the check.
    pub fn first_of(&self, paths: &[String]) -> Result<String> {
        let found = paths.iter().find(|path| self.0.contains_key(*path));
        ensure!(
            found.is_some(),
            "a module is declared and its file is not found: expected {}",
            paths.join(" or ")
        );
        Ok(found.cloned().unwrap_or_default())
    }

    /// The files of `name`'s programs: `main.rs` and those in `bin`.
    pub fn programs(&self, name: &str) -> Vec<String> {
        let main = format!("{name}/src/main.rs");
        let bin = format!("{name}/src/bin/");
        let is_program =
            |path: &&String| **path == main || path.strip_prefix(&bin).is_some_and(|rest| !rest.contains('/'));
        self.0.keys().filter(is_program).cloned().collect()
    }
}

impl<const N: usize> From<[(&str, &str); N]> for Sources {
    fn from(files: [(&str, &str); N]) -> Self {
        Self(files.map(|(path, text)| (path.to_owned(), text.to_owned())).into())
    }
}
