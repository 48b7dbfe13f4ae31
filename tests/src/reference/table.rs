//! Tables of Markdown.

/// A table with this head.
pub fn table<const N: usize>(head: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let mut text = row(head.map(str::to_owned));
    text.push_str(&row_of_dashes(N));
    for cells in rows {
        text.push_str(&row(cells));
    }
    text.push('\n');
    text
}

fn row<const N: usize>(cells: [String; N]) -> String {
    format!("| {} |\n", cells.map(|text| cell(&text)).join(" | "))
}

fn row_of_dashes(count: usize) -> String {
    format!("|{}\n", "---|".repeat(count))
}

/// A bar would end the cell, even within backquotes.
fn cell(text: &str) -> String {
    let words: Vec<_> = text.split_whitespace().collect();
    if words.is_empty() {
        return "–".to_owned();
    }
    words.join(" ").replace('|', "\\|")
}

/// Two lines in one cell.
pub fn lines(lines: [String; 2]) -> String {
    let found: Vec<_> = lines.into_iter().filter(|line| !line.is_empty()).collect();
    found.join("<br>")
}

/// In backquotes. Empty for an empty text.
pub fn code(text: &str) -> String {
    if text.is_empty() {
        String::new()
    } else {
        format!("`{text}`")
    }
}

/// Adds a full stop to text that begins like a sentence.
pub fn sentence(text: &str) -> String {
    let text = text.trim();
    if text.starts_with(char::is_uppercase) && !text.ends_with(['.', ':']) {
        format!("{text}.")
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_stays_in_its_row() {
        let rows = [["`OPEN|SEND`", "one\n  two"], ["", "x"]].map(|row| row.map(str::to_owned));
        let expected = "| a | b |\n|---|---|\n| `OPEN\\|SEND` | one two |\n| – | x |\n\n";
        assert_eq!(table(["a", "b"], rows), expected);
    }
}
