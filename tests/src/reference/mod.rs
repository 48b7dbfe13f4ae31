//! Reference pages that are generated from the code.

mod commands;
mod conditions;
mod events;
mod exit_codes;
mod metrics;
mod operator_commands;
mod schema;
mod signer_settings;
mod signerbinding;
mod table;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::docs::SITE;
use crate::workspace;

/// The text below a page's title.
const HEADER: &str = "<!-- Generated from the code by `make generate`: change it there. -->";

/// The path of the page with this name.
pub fn path(name: &str) -> PathBuf {
    workspace::root().join(SITE).join("reference").join(name)
}

/// Every page by its file name.
///
/// # Errors
/// If the code does not describe itself.
pub fn pages() -> Result<[(&'static str, String); 8]> {
    let pages = [
        ("conditions.md", "Conditions", conditions::page()?),
        ("events.md", "Events", events::page()),
        ("exit-codes.md", "Exit codes", exit_codes::page()),
        ("metrics.md", "Metrics", metrics::page()?),
        (
            "operator-commands.md",
            "The command operator",
            operator_commands::page(),
        ),
        (
            "kubectl-plugin.md",
            "The command kubectl atto-signer",
            operator_commands::plugin(),
        ),
        ("signer-settings.md", "The command signer", signer_settings::page()?),
        ("signerbinding.md", "SignerBinding", signerbinding::page()?),
    ];
    Ok(pages.map(|(name, title, body)| (name, format!("# {title}\n\n{HEADER}\n\n{}\n", body.trim_end()))))
}

/// Writes every page and returns their paths.
///
/// # Errors
/// If a page cannot be generated or written.
pub fn write() -> Result<Vec<PathBuf>> {
    let mut paths = vec![];
    for (name, text) in pages()? {
        let path = path(name);
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        paths.push(path);
    }
    Ok(paths)
}
