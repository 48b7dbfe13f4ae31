//! The documentation for its readers: pages with headings, links and command blocks.

pub mod labels;
mod markdown;
pub mod output;
pub mod shell;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::workspace;

pub use markdown::{Block, Heading, Located};

/// The folder of the site's pages, below the root of the repository.
pub const SITE: &str = "docs/src";

/// The pages outside of `docs/`.
const OTHERS: [&str; 6] = [
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "GOVERNANCE.md",
    "README.md",
    "SECURITY.md",
    "charts/signer-operator/README.md",
];

/// A page of Markdown.
#[derive(Debug, Default)]
pub struct Page {
    /// Below the root of the repository.
    pub path: String,
    pub text: String,
    pub headings: Vec<Heading>,
    /// Targets of links and images.
    pub links: Vec<Located>,
    /// Text in backquotes.
    pub quoted: Vec<Located>,
    pub blocks: Vec<Block>,
    /// Ids in HTML.
    ids: Vec<String>,
}

impl Page {
    /// Reads a page.
    ///
    /// # Errors
    /// The page does not exist.
    pub fn read(path: &str) -> Result<Self> {
        let file = workspace::root().join(path);
        let text = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        Ok(Self::parse(path, &text))
    }

    /// Whether a link may use this anchor.
    pub fn has_anchor(&self, anchor: &str) -> bool {
        self.headings.iter().any(|heading| heading.anchor == anchor) || self.ids.iter().any(|id| id == anchor)
    }

    /// Whether it is part of the site, and not only of the repository.
    pub fn is_of_the_site(&self) -> bool {
        Path::new(&self.path).starts_with(SITE)
    }
}

/// All pages, by path.
///
/// # Errors
/// If one cannot be read.
pub fn pages() -> Result<BTreeMap<String, Page>> {
    let mut paths = OTHERS.map(str::to_owned).to_vec();
    collect("docs", &mut paths)?;
    paths
        .into_iter()
        .map(|path| Ok((path.clone(), Page::read(&path)?)))
        .collect()
}

fn collect(folder: &str, paths: &mut Vec<String>) -> Result<()> {
    for entry in fs::read_dir(workspace::root().join(folder))? {
        let entry = entry?;
        let path = format!("{folder}/{}", entry.file_name().display());
        if entry.file_type()?.is_dir() {
            collect(&path, paths)?;
        } else if Path::new(&path).extension().is_some_and(|extension| extension == "md") {
            paths.push(path);
        }
    }
    Ok(())
}
