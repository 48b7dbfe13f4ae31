//! Comments with a line prefix, and the texts of YAML, JSON and notes.

use super::piece::{Kind, Piece};

/// Comments after `#`: of YAML, the Makefile and the Dockerfile. Consecutive lines are one text.
pub fn hash_comments(path: &str, kind: Kind, file: &str) -> Vec<Piece> {
    comments(path, kind, file, |line| {
        let whole = line.trim_start().strip_prefix('#');
        whole
            .or_else(|| line.split_once(" # ").map(|(_, comment)| comment))
            .map(|text| text.trim_start_matches(['#', '!']))
    })
}

/// Comments after `//`, `///` and `//!` on lines of their own.
pub fn slash_comments(path: &str, kind: Kind, file: &str) -> Vec<Piece> {
    comments(path, kind, file, |line| {
        line.trim_start()
            .strip_prefix("//")
            .map(|text| text.trim_start_matches(['/', '!']))
    })
}

/// All lines, paragraph by paragraph.
pub fn lines(path: &str, kind: Kind, file: &str) -> Vec<Piece> {
    comments(path, kind, file, Some)
}

/// The values of these keys, in YAML with one value per line or in JSON.
pub fn values(path: &str, kind: Kind, file: &str, keys: &[&str]) -> Vec<Piece> {
    let mut pieces = vec![];
    let mut lines = file.lines().enumerate();
    while let Some((index, line)) = lines.next() {
        let Some((key, value)) = line.split_once(':') else {
            continue;
        };
        let key = key.trim_start_matches([' ', '-', '"']).trim_end_matches('"');
        if !keys.contains(&key) {
            continue;
        }
        let value = value.trim().trim_end_matches(',').trim_matches(['"', '\'']);
        if value.contains(' ') {
            pieces.push(piece(path, kind, index + 1, value.to_owned()));
        } else if let (true, Some((index, below))) = (value.starts_with(['|', '>']), lines.next()) {
            pieces.push(piece(path, kind, index + 1, below.trim().to_owned()));
        }
    }
    pieces
}

fn comments<'a>(path: &str, kind: Kind, file: &'a str, comment: impl Fn(&'a str) -> Option<&'a str>) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = vec![];
    let mut goes_on = false;
    for (index, line) in file.lines().enumerate() {
        let before = pieces.last_mut().filter(|_| goes_on);
        let is_in_list = before.as_ref().is_some_and(|before| before.text.starts_with("- "));
        // Indented text outside of a list is a command or a table.
        let text = comment(line).filter(|text| is_in_list || !text.starts_with("   "));
        let text = text.map(|text| text.trim().trim_start_matches("-- "));
        let Some(text) = text.filter(|text| !text.is_empty()) else {
            goes_on = false;
            continue;
        };
        match before {
            Some(before) if !text.starts_with("- ") => {
                before.text.push('\n');
                before.text.push_str(text);
            }
            _ => pieces.push(piece(path, kind, index + 1, text.to_owned())),
        }
        goes_on = true;
    }
    pieces
}

fn piece(path: &str, kind: Kind, line: usize, text: String) -> Piece {
    Piece {
        path: path.to_owned(),
        line,
        kind,
        text,
    }
}
