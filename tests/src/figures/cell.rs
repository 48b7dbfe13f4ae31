//! One figure, in the notation of templates: `part | row | column | filter …`. A `*` in the names of row and column matches any
//! text.

use anyhow::{Context, Result, bail, ensure};

use super::File;

/// The requested figure, in the page's format.
///
/// # Errors
/// The part, row or column is missing or ambiguous, or the cell has no number although one is needed.
pub fn cell(file: &File, asked: &str) -> Result<String> {
    let words: Vec<_> = asked.split(" | ").map(str::trim).collect();
    let [part, row, column, filters @ ..] = &words[..] else {
        bail!("found {asked:?}, expected part | row | column, and filters behind them");
    };
    let found = find(file, part, row, column)?;
    let mut shown = with_separators(found);
    let mut is_missed = false;
    for filter in filters {
        let (name, argument) = filter.split_once(' ').unwrap_or((filter, ""));
        let given = number(found).with_context(|| format!("found {found:?}, expected a number"))?;
        match (name, argument.parse::<f64>()) {
            ("number", _) => shown = with_separators(leading(found)),
            ("seconds", _) => shown = format!("{:.1} s", given / 1_000.0),
            ("round", _) => shown = with_separators(&format!("{given:.0}")),
            ("most", Ok(aim)) => is_missed |= given > aim,
            ("least", Ok(aim)) => is_missed |= given < aim,
            _ => bail!("found the filter {filter:?}, expected number, seconds, round, most N or least N"),
        }
    }
    Ok(if is_missed { format!("**{shown}**") } else { shown })
}

fn find<'a>(file: &'a File, part: &str, row: &str, column: &str) -> Result<&'a str> {
    let measured = file.parts.get(part).with_context(|| format!("found no part {part}"))?;
    let mut found = vec![];
    for table in &measured.tables {
        let Some((heading, rows)) = table.split_first() else {
            continue;
        };
        let at = heading.iter().position(|name| matches(column, name));
        let rows = rows
            .iter()
            .filter(|cells| cells.first().is_some_and(|name| matches(row, name)));
        found.extend(rows.filter_map(|cells| cells.get(at?)).filter(|cell| !cell.is_empty()));
    }
    ensure!(
        found.len() == 1,
        "part {part}: found {} figures in rows {row:?} and columns {column:?}, expected one. Measure the part again, or name what it prints",
        found.len()
    );
    Ok(found[0])
}

/// Whether a name matches a pattern with at most one `*`.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((start, end)) => name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end),
    }
}

/// The number at the beginning of a cell.
fn leading(cell: &str) -> &str {
    let end = cell.find(|sign: char| !(sign.is_ascii_digit() || ".+-".contains(sign)));
    &cell[..end.unwrap_or(cell.len())]
}

fn number(cell: &str) -> Option<f64> {
    leading(cell).parse().ok()
}

/// `12345.6 ms` as `12,345.6 ms`.
fn with_separators(cell: &str) -> String {
    let number = leading(cell);
    let digits = number.find('.').map_or(number, |point| &number[..point]);
    if digits.len() < 4 || !digits.chars().all(|sign| sign.is_ascii_digit()) {
        return cell.to_owned();
    }
    let mut text = String::new();
    for (at, sign) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(sign);
    }
    text + &cell[digits.len()..]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::{Part, tables};

    fn file() -> File {
        let text = "  what           measured   aim\n  ----------   ----------   ---\n  a thing      39883.5 ms\n  its 5 bare         0.56\n  twice                 1\n  twice                 1\n";
        let part = Part {
            commit: "c".to_owned(),
            date: "d".to_owned(),
            machine: "m".to_owned(),
            tables: tables(text),
        };
        File {
            parts: [("p".to_owned(), part)].into(),
        }
    }

    #[test]
    fn a_figure_is_shown_as_it_is_asked_for() -> Result<()> {
        for (asked, expected) in [
            ("p | a thing | measured", "39,883.5 ms"),
            ("p | a thing | measured | number", "39,883.5"),
            ("p | a thing | measured | round", "39,884"),
            ("p | a thing | measured | seconds | most 10", "**39.9 s**"),
            ("p | its * bare | measured | most 1", "0.56"),
            ("p | its * bare | meas* | least 1", "**0.56**"),
        ] {
            assert_eq!(cell(&file(), asked)?, expected, "{asked}");
        }
        Ok(())
    }

    #[test]
    fn what_is_not_there_or_there_twice_is_an_error() {
        for asked in [
            "q | a thing | measured",
            "p | another | measured",
            "p | a thing | aim",
            "p | a thing | other",
            "p | twice | measured",
            "p | a thing | measured | bold",
            "p | a thing",
        ] {
            assert!(cell(&file(), asked).is_err(), "{asked}");
        }
    }
}
