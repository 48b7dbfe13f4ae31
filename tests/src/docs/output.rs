//! The output that a page shows for its commands, and whether they printed it.

use anyhow::{Context, Result};

use super::{Block, Page};

/// The fence of a block with output of the commands in the block before it.
pub const OUTPUT: &str = "text,output";

/// Text between two of these may be anything.
const ANYTHING: char = '…';

impl Block {
    /// Whether it shows the output of the block before it.
    pub fn is_output(&self) -> bool {
        self.info == OUTPUT
    }

    /// The first of its lines that was not printed, in this order. There may be further lines between them. Widths of
    /// columns and ages differ between runs.
    pub fn not_printed<'a>(&'a self, printed: &str) -> Option<&'a str> {
        let mut printed = printed.lines().map(normalized);
        self.lines.iter().map(|line| line.text.as_str()).find(|line| {
            let shown = normalized(line);
            // A last column may be empty.
            let open = shown.strip_suffix(" …").map(|start| format!("{start}…"));
            let shown = open.unwrap_or(shown);
            !shown.is_empty() && !printed.any(|line| fits(&shown, &line))
        })
    }
}

/// The first line of a page's sample of `signer preflight` that was not printed. Its times may differ.
///
/// # Errors
/// When the page has no such sample.
pub fn not_printed_by_preflight(path: &str, printed: &str) -> Result<Option<String>> {
    let page = Page::read(path)?;
    let is_sample = |block: &&Block| block.info == "text" && block.text().starts_with("credentials ok: ");
    let sample = page.blocks.iter().find(is_sample);
    let sample = sample.with_context(|| format!("{path} shows nothing of signer preflight"))?;
    let line = sample.not_printed(printed).filter(|line| !line.starts_with("speed "));
    Ok(line.map(str::to_owned))
}

/// One space between words, and every age the same.
fn normalized(line: &str) -> String {
    let words: Vec<_> = line
        .split_whitespace()
        .map(|word| if is_age(word) { "AGE" } else { word })
        .collect();
    words.join(" ")
}

/// As kubectl prints it: `8s`, `2m5s`, `3d`.
fn is_age(word: &str) -> bool {
    word.starts_with(|first: char| first.is_ascii_digit())
        && word.ends_with(['s', 'm', 'h', 'd'])
        && word.chars().all(|one| one.is_ascii_digit() || "smhd".contains(one))
}

fn fits(shown: &str, printed: &str) -> bool {
    let mut parts = shown.split(ANYTHING);
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = printed.strip_prefix(first) else {
        return false;
    };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.find(part) {
            Some(start) => rest = &rest[start + part.len()..],
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::super::Page;

    fn not_printed(shown: &str, printed: &str) -> Option<String> {
        let page = Page::parse("x.md", &format!("```text,output\n{shown}\n```\n"));
        page.blocks[0].not_printed(printed).map(str::to_owned)
    }

    #[test]
    fn shown_lines_are_looked_for_in_order() {
        let printed = "first\nsecond\nthird";
        assert_eq!(not_printed("first\nthird", printed), None);
        assert_eq!(not_printed("third\nfirst", printed).as_deref(), Some("first"));
        assert_eq!(not_printed("fourth", printed).as_deref(), Some("fourth"));
    }

    #[test]
    fn what_differs_between_two_runs_may_differ() {
        assert_eq!(not_printed("NAME   AGE\nvoter  8s", "NAME AGE\nvoter 2m5s"), None);
        assert_eq!(not_printed("voter 8s", "voter 8x").as_deref(), Some("voter 8s"));
        assert_eq!(
            not_printed("atto://… is …, not…", "atto://abc is here, not there"),
            None
        );
        assert_eq!(not_printed("a…c", "abcd").as_deref(), Some("a…c"));
        assert_eq!(not_printed("voter  …", "voter   "), None);
        assert_eq!(not_printed("a…b…d", "axcd").as_deref(), Some("a…b…d"));
    }
}
