//! Prepares text for a status or an Event.

/// Cuts a text at a character boundary, so that the API server accepts it, and drops characters that a terminal would interpret:
/// much of the text comes from outside.
pub fn shorten(text: &str, longest: usize) -> String {
    let text: String = text.chars().filter(|each| is_shown(*each)).collect();
    if text.len() <= longest {
        return text;
    }
    let end = (0..=longest - 3)
        .rev()
        .find(|end| text.is_char_boundary(*end))
        .unwrap_or(0);
    format!("{}…", &text[..end])
}

/// Joins the lines of a text from outside, up to this many characters.
pub fn one_line(text: &str, longest: usize) -> String {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let line = lines.collect::<Vec<_>>().join("; ");
    line.chars().filter(|each| is_shown(*each)).take(longest).collect()
}

/// False for control characters, except those of a text with several lines, and for characters that change the text direction.
fn is_shown(each: char) -> bool {
    let turns = matches!(each, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    matches!(each, '\n' | '\t') || !(each.is_control() || turns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_that_a_terminal_obeys() {
        let evil = "a\u{1b}[2Jb\r\u{7}\u{9b}c\u{202e}d\n\n  e\tf";
        assert_eq!(shorten(evil, 100), "a[2Jbcd\n\n  e\tf");
        assert_eq!(one_line(evil, 100), "a[2Jbcd; e\tf");
        assert_eq!(one_line(evil, 4), "a[2J");
    }

    #[test]
    fn cuts_at_a_character() {
        assert_eq!(shorten("voter", 5), "voter");
        assert_eq!(shorten("voters", 5), "vo…");
        assert_eq!(shorten("vöters", 6), "vö…");
    }
}
