//! The blocks of figures in README and pages: between two comments, filled from a template in `docs/figures`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};

use super::File;
use super::cell::cell;
use crate::docs::{self, Page};
use crate::workspace;

const TEMPLATES: &str = "docs/figures";
const BEGIN: &str = "<!-- figures: ";
const END: &str = "<!-- end of figures -->";

/// The pages with such blocks.
///
/// # Errors
/// The pages cannot be read.
pub fn pages() -> Result<Vec<Page>> {
    let pages = docs::pages()?.into_values();
    Ok(pages.filter(|page| page.text.contains(BEGIN)).collect())
}

/// Writes each block again from the file of figures, and returns the pages.
///
/// # Errors
/// Names the template and its missing figure, the block without an end, or the template without a block.
pub fn write() -> Result<Vec<PathBuf>> {
    let file = File::read()?;
    let mut templates = templates()?;
    let mut written = vec![];
    let mut used = BTreeSet::new();
    for page in pages()? {
        let text = rewritten(&page.text, |name| {
            used.insert(name.to_owned());
            let template = templates.get(name);
            let template = template.with_context(|| format!("found no {TEMPLATES}/{name}.md for the block {name}"))?;
            rendered(&file, template).with_context(|| format!("{TEMPLATES}/{name}.md"))
        });
        let path = workspace::root().join(&page.path);
        fs::write(&path, text.with_context(|| page.path.clone())?)?;
        written.push(path);
    }
    templates.retain(|name, _| !used.contains(name));
    let unused: Vec<_> = templates.into_keys().collect();
    ensure!(
        unused.is_empty(),
        "{TEMPLATES}: found templates that no page has a block for: {}. Add `{BEGIN}NAME -->` and `{END}` to a page",
        unused.join(", ")
    );
    Ok(written)
}

fn templates() -> Result<BTreeMap<String, String>> {
    let folder = workspace::root().join(TEMPLATES);
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(&folder).with_context(|| format!("cannot read {TEMPLATES}"))? {
        let path = entry?.path();
        let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
        found.insert(name.to_owned(), fs::read_to_string(&path)?);
    }
    Ok(found)
}

fn rewritten(text: &str, mut block: impl FnMut(&str) -> Result<String>) -> Result<String> {
    let mut pieces = text.split(BEGIN);
    let mut whole = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (name, rest) = piece.split_once(" -->").context("a comment without an end")?;
        let (_, after) = rest
            .split_once(END)
            .with_context(|| format!("found the block {name} without `{END}`"))?;
        let block = block(name)?;
        write!(whole, "{BEGIN}{name} -->\n\n{}\n\n{END}{after}", block.trim_end())?;
    }
    Ok(whole)
}

fn rendered(file: &File, template: &str) -> Result<String> {
    let mut pieces = template.split("{{");
    let mut text = pieces.next().unwrap_or_default().to_owned();
    let mut parts = BTreeSet::new();
    for piece in pieces {
        let (asked, after) = piece.split_once("}}").context("found {{ without }}")?;
        text += &match asked.trim() {
            // The parts that the block uses are only known at its end.
            "runs" => "{{runs}}".to_owned(),
            asked => {
                parts.insert(asked.split(" | ").next().unwrap_or_default().to_owned());
                cell(file, asked)?
            }
        };
        text += after;
    }
    ensure!(
        text.contains("{{runs}}"),
        "found no {{{{runs}}}}, which says from which commit the figures are"
    );
    Ok(text.replace("{{runs}}", &runs(file, &parts)))
}

/// The commits at which the parts were measured.
fn runs(file: &File, parts: &BTreeSet<String>) -> String {
    let mut runs: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for (name, part) in file.parts.iter().filter(|(name, _)| parts.contains(*name)) {
        runs.entry((&part.date, &part.commit)).or_default().push(name);
    }
    let is_one = runs.len() == 1;
    let told = runs.into_iter().rev().map(|((date, commit), parts)| {
        let names = if is_one {
            String::new()
        } else {
            format!(" ({})", parts.join(", "))
        };
        format!("commit {commit} on {date}{names}")
    });
    format!("Measured at {}.", told.collect::<Vec<_>>().join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::{Part, tables};

    fn part(commit: &str) -> Part {
        Part {
            commit: commit.to_owned(),
            date: "2026-11-30".to_owned(),
            machine: "m".to_owned(),
            tables: tables("| what | measured |\n|---|---|\n| a | 1 ms |\n"),
        }
    }

    #[test]
    fn a_block_says_its_figures_and_where_they_are_from() -> Result<()> {
        let parts = [("p", "aaa"), ("q", "bbb")].map(|(name, commit)| (name.to_owned(), part(commit)));
        let file = File { parts: parts.into() };
        let one = rendered(&file, "It takes {{p | a | measured}}. {{runs}}")?;
        assert_eq!(one, "It takes 1 ms. Measured at commit aaa on 2026-11-30.");
        let both = rendered(&file, "{{p | a | measured}} {{q | a | measured}} {{runs}}")?;
        assert!(
            both.ends_with("Measured at commit bbb on 2026-11-30 (q); commit aaa on 2026-11-30 (p)."),
            "{both}"
        );
        assert!(rendered(&file, "{{p | a | measured}}").is_err());
        assert!(rendered(&file, "{{p | b | measured}} {{runs}}").is_err());
        Ok(())
    }

    #[test]
    fn what_stands_between_the_comments_is_replaced_and_nothing_else() -> Result<()> {
        let text = "# A\n<!-- figures: x -->\nold\n<!-- end of figures -->\nend\n";
        let new = rewritten(text, |name| Ok(format!("new {name}\n")))?;
        assert_eq!(
            new,
            "# A\n<!-- figures: x -->\n\nnew x\n\n<!-- end of figures -->\nend\n"
        );
        assert_eq!(rewritten(&new, |name| Ok(format!("new {name}\n")))?, new);
        assert!(rewritten("<!-- figures: x -->\n", |_| Ok(String::new())).is_err());
        Ok(())
    }
}
