//! Every condition with its reasons, and the first sentence of the runbook about each.

use anyhow::{Context, Result, ensure};
use crds::conditions::{reasons, types, warnings};
use crds::occurrences::{self, Occurrence};

use super::table::{code, table};
use crate::docs::{Heading, Page, SITE};

const RUNBOOK: &str = "../operations/runbook.md";

pub fn page() -> Result<String> {
    let runbook = Page::read(&format!("{SITE}/operations/runbook.md"))?;
    let mut text = vec![String::from(
        "A SignerBinding's conditions, in the order in which they are reached. Each reason links to the runbook.\n\n",
    )];
    for condition in types::ALL {
        let chapter = heading(&runbook, 2, condition)?;
        text.push(format!(
            "## {condition}\n\nIn the runbook: [{condition}]({RUNBOOK}#{}).\n\n",
            chapter.anchor
        ));
        let rows = occurrences::ALL.iter().filter(|row| row.condition == condition);
        let mut cells = vec![];
        for row in rows {
            for [reason, meaning] in named(&runbook, row.reasons)?.into_iter().chain(taken_over(row)) {
                cells.push([row.status.to_owned(), reason, meaning]);
            }
        }
        text.push(table(["status", "reason", "meaning"], cells));
    }
    text.push("## Other reasons\n\n".to_owned());
    let of_targets = named(&runbook, &[reasons::NO_LONGER_SELECTED])?;
    text.push("Of a Deployment in `status.targets`:\n\n".to_owned());
    text.push(table(["reason", "meaning"], of_targets));
    text.push("Of `status.warnings`:\n\n".to_owned());
    let mut sorted = warnings::ALL.to_vec();
    sorted.sort_unstable();
    text.push(table(["reason", "meaning"], named(&runbook, &sorted)?));
    Ok(text.concat())
}

/// Text for a condition that takes its reason from another one.
fn taken_over(row: &Occurrence) -> Option<[String; 2]> {
    let (reason, meaning) = match (row.condition, row.status) {
        (types::READY, "False") => (
            "that of the first condition above that is `False`",
            "See that condition.",
        ),
        (types::RECONCILING, "True") => (
            "that of `Ready`",
            "The operator or the cluster is still working, or waits for an object, an approval or a key service. Read the section of the reason: some need user action.",
        ),
        (types::STALLED, "True") => ("that of `Ready`", "User action is required."),
        _ => return None,
    };
    Some([reason, meaning].map(str::to_owned))
}

fn named(runbook: &Page, reasons: &[&str]) -> Result<Vec<[String; 2]>> {
    let rows = reasons.iter();
    rows.map(|reason| Ok([link(runbook, reason)?, first_sentence(runbook, reason)?]))
        .collect()
}

/// A link to the section of the runbook.
fn link(runbook: &Page, reason: &str) -> Result<String> {
    let heading = heading(runbook, 3, reason)?;
    Ok(format!("[{}]({RUNBOOK}#{})", code(reason), heading.anchor))
}

fn heading<'a>(page: &'a Page, level: usize, text: &str) -> Result<&'a Heading> {
    let mut headings = page.headings.iter();
    let found = headings.find(|heading| heading.level == level && heading.text == text);
    found.with_context(|| format!("{} has no section {text}", page.path))
}

fn first_sentence(runbook: &Page, reason: &str) -> Result<String> {
    let heading = heading(runbook, 3, reason)?;
    let lines = runbook
        .text
        .lines()
        .skip(heading.line)
        .skip_while(|line| line.is_empty());
    let paragraph: Vec<_> = lines
        .take_while(|line| !line.is_empty() && !line.starts_with('#'))
        .collect();
    let paragraph = paragraph.join(" ");
    let sentence = sentences(&paragraph).next().unwrap_or_default();
    ensure!(!sentence.is_empty(), "{} does not explain {reason}", runbook.path);
    Ok(sentence.to_owned())
}

/// A full stop within backquotes does not end a sentence.
fn sentences(text: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    text.split_inclusive(move |character| {
        quoted ^= character == '`';
        character == '.' && !quoted
    })
    .map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dot_in_a_name_ends_no_sentence() {
        let text = "`spec.signer.image` is not allowed. Take another.";
        assert_eq!(sentences(text).next(), Some("`spec.signer.image` is not allowed."));
    }
}
