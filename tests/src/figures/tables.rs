//! Finds the tables in a program's output: aligned ones of benches, and Markdown.

/// Rows of cells. The first row is the heading.
pub type Table = Vec<Vec<String>>;

/// All tables of a text, in order.
pub fn tables(text: &str) -> Vec<Table> {
    let lines: Vec<_> = text.lines().collect();
    let mut found = vec![];
    let mut at = 1;
    while at < lines.len() {
        let (heading, rule) = (lines[at - 1], lines[at]);
        let rows = lines[at + 1..].iter().copied();
        let table: Table = if is_markdown(heading) && is_markdown_rule(rule) {
            let rows = rows.take_while(|line| is_markdown(line));
            std::iter::once(heading).chain(rows).map(markdown_row).collect()
        } else if let Some(columns) = columns(rule) {
            let rows = rows.take_while(|line| line.starts_with("  "));
            let row = |line| aligned_row(line, &columns);
            std::iter::once(heading).chain(rows).map(row).collect()
        } else {
            at += 1;
            continue;
        };
        at += table.len() + 1;
        found.push(table);
    }
    found
}

fn is_markdown(line: &str) -> bool {
    line.starts_with('|') && line.ends_with('|')
}

fn is_markdown_rule(line: &str) -> bool {
    is_markdown(line) && line.contains('-') && line.chars().all(|sign| "|-: ".contains(sign))
}

fn markdown_row(line: &str) -> Vec<String> {
    let inner = line.trim_matches('|');
    inner.split('|').map(|cell| cell.trim().to_owned()).collect()
}

/// The columns of an aligned table, from the line below its heading.
fn columns(rule: &str) -> Option<Vec<(usize, usize)>> {
    let is_rule = rule.starts_with("  -") && rule.chars().all(|sign| "- ".contains(sign));
    if !is_rule {
        return None;
    }
    let mut columns: Vec<(usize, usize)> = vec![];
    for (at, sign) in rule.chars().enumerate() {
        match columns.last_mut() {
            Some((_, end)) if sign == '-' && *end == at => *end = at + 1,
            _ if sign == '-' => columns.push((at, at + 1)),
            _ => {}
        }
    }
    Some(columns)
}

fn aligned_row(line: &str, columns: &[(usize, usize)]) -> Vec<String> {
    let cell = |(start, end): &(usize, usize)| {
        let cell: String = line.chars().skip(*start).take(end - start).collect();
        cell.trim().to_owned()
    };
    columns.iter().map(cell).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_are_found_among_other_lines() {
        let text = "bench: starting\n\n  what       µs   aim\n  ------   ----   ---\n  a b         1\n    c      1000   ≤ 2\n\nend\n| a | b |\n|---|---|\n| 1 | 2 ms |\nrest\n";
        let rows = |rows: &[&[&str]]| -> Table {
            let row = |row: &&[&str]| row.iter().map(|cell| (*cell).to_owned()).collect();
            rows.iter().map(row).collect()
        };
        assert_eq!(
            tables(text),
            [
                rows(&[&["what", "µs", "aim"], &["a b", "1", ""], &["c", "1000", "≤ 2"]]),
                rows(&[&["a", "b"], &["1", "2 ms"]]),
            ]
        );
    }
}
