//! Determines which files the check reads, and the kind of their texts.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::piece::{Kind, Piece};
use super::{markdown, plain, rust};

const ROOTS: [&str; 12] = [
    "README.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "CHANGELOG.md",
    "Makefile",
    "Dockerfile",
    "docs",
    "charts/signer-operator",
    "examples",
    "crds/src",
    "operator/src",
    "signer/src",
];

/// Files that a program writes, or that only tests read.
const LEFT_OUT: [&str; 5] = [
    "docs/words.yaml",
    "charts/signer-operator/README.md",
    "charts/signer-operator/files/signerbindings.yaml",
    "charts/signer-operator/ci/",
    "charts/signer-operator/tests/",
];

/// The texts of the repository at `root`, in the order of their paths.
///
/// # Errors
/// A file cannot be read, or is not Rust where it should be.
pub fn read(root: &Path) -> Result<Vec<Piece>> {
    let mut paths = vec![];
    for path in ROOTS {
        collect(root, path, &mut paths)?;
    }
    paths.sort();
    let mut pieces = vec![];
    for path in paths {
        if LEFT_OUT.iter().any(|left_out| is_or_lies_in(&path, left_out)) {
            continue;
        }
        let Some(reader) = reader(&path) else { continue };
        let text = fs::read_to_string(root.join(&path)).with_context(|| format!("cannot read {path}"))?;
        pieces.extend(reader(&path, &text)?);
    }
    Ok(pieces)
}

fn is_or_lies_in(path: &str, file_or_folder: &str) -> bool {
    path == file_or_folder || file_or_folder.ends_with('/') && path.starts_with(file_or_folder)
}

fn collect(root: &Path, path: &str, paths: &mut Vec<String>) -> Result<()> {
    let whole = root.join(path);
    if !whole.is_dir() {
        paths.push(path.to_owned());
        return Ok(());
    }
    for entry in fs::read_dir(&whole).with_context(|| format!("cannot read the folder {path}"))? {
        let name = entry
            .with_context(|| format!("cannot read the folder {path}"))?
            .file_name();
        let name = name.to_str().with_context(|| format!("{path}: a name is not UTF-8"))?;
        collect(root, &format!("{path}/{name}"), paths)?;
    }
    Ok(())
}

type Reader = fn(&str, &str) -> Result<Vec<Piece>>;

fn reader(path: &str) -> Option<Reader> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let reader: Reader = match name.rsplit('.').next().unwrap_or(name) {
        "md" | "gotmpl" => |path, text| Ok(markdown::read(path, page_kind(path), text)),
        "rs" if is_of_tests(path) => return None,
        "rs" => |path, text| {
            let (comments, texts) = code_kinds(path);
            let text_of_program = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or(text);
            let mut pieces = plain::slash_comments(path, comments, text_of_program);
            pieces.extend(rust::texts(path, texts, text)?);
            Ok(pieces)
        },
        "yaml" | "tpl" | "Makefile" | "Dockerfile" => |path, text| {
            let kind = if path.contains('/') { Kind::Chart } else { Kind::Comment };
            let mut pieces = plain::hash_comments(path, kind, text);
            pieces.extend(plain::values(path, kind, text, &["summary", "description", "message"]));
            Ok(pieces)
        },
        "json" => |path, text| Ok(plain::values(path, Kind::Chart, text, &["title", "description"])),
        "txt" => |path, text| Ok(plain::lines(path, Kind::Chart, text)),
        _ => return None,
    };
    Some(reader)
}

fn is_of_tests(path: &str) -> bool {
    path.contains("/tests/") || path.ends_with("tests.rs")
}

fn page_kind(path: &str) -> Kind {
    let Some(page) = path.strip_prefix("docs/src/") else {
        return Kind::Project;
    };
    match page.split('/').next().unwrap_or(page) {
        "how-to" | "tutorial.md" => Kind::HowTo,
        "operations" => Kind::Operations,
        "reference" => Kind::Reference,
        _ => Kind::Explanation,
    }
}

/// The kinds of a file's comments and of its texts.
fn code_kinds(path: &str) -> (Kind, Kind) {
    match path.split('/').next().unwrap_or(path) {
        "crds" => (Kind::Api, Kind::Api),
        "operator" => (Kind::Comment, Kind::OperatorMessage),
        _ => (Kind::Comment, Kind::SignerMessage),
    }
}
