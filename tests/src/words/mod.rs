//! Compares the words of pages, messages and comments with the list in `docs/words.yaml`: `make lint` runs it.
//!
//! It reads the documentation, the comments and texts of the programs, the chart, the examples and the Makefile. A finding in a generated
//! page is fixed at its source. Generated manifests and the comments of the tests are not read: the former have the same texts as the
//! pages, and nobody who runs the programs reads the latter.

mod files;
mod finding;
mod list;
mod markdown;
mod piece;
mod plain;
mod rust;
mod sample;
mod sentence;
#[cfg(test)]
mod tests;

use std::path::Path;

use anyhow::Result;

pub use self::finding::Finding;
pub use self::list::List;
pub use self::sample::{Drawn, sample};

/// Where the list is, below the root of the repository.
pub const LIST: &str = "docs/words.yaml";

/// Every word of the list that the repository at `root` uses, every sentence that is too long, and every exception that is not needed.
///
/// # Errors
/// A file cannot be read, or the list is not valid.
pub fn check(root: &Path) -> Result<Vec<Finding>> {
    let list = List::read(root)?;
    let pieces = files::read(root)?;
    Ok(list.compare(&pieces))
}
