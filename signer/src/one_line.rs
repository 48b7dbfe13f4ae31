//! Makes text from outside (answers, panics, files) safe to show: one short line whose content can neither end it nor change its
//! direction.

/// Maximum length of shown text, in characters.
pub const MAX_LENGTH: usize = 300;

/// The text on one line of at most [`MAX_LENGTH`] characters. A sequence of control characters and blanks becomes one
/// blank.
pub fn one_line(text: &str) -> String {
    cut(text, MAX_LENGTH)
}

/// Shortens the text to one line with this limit. `…` replaces the middle of a longer text, because an error begins
/// with the operation and ends with its cause.
pub fn cut(text: &str, limit: usize) -> String {
    let line = clean(text);
    let length = line.chars().count();
    if length <= limit {
        return line;
    }
    let end = limit / 2;
    let start = limit.saturating_sub(end + 1);
    let characters = || line.chars();
    characters()
        .take(start)
        .chain(['…'])
        .chain(characters().skip(length - end))
        .collect()
}

fn clean(text: &str) -> String {
    let mut line = String::new();
    for word in text.split(|character: char| character.is_whitespace() || !is_shown(character)) {
        if !word.is_empty() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    line
}

/// Whether a character only displays itself. Control characters and characters that change the direction of a line do more.
pub fn is_shown(character: char) -> bool {
    !character.is_control()
        && !matches!(
            character,
            '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}'
        )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_page_of_a_proxy_is_one_short_line() {
        let page = format!(
            "<html>\r\n\t<b>503\u{1b}[31m</b>\u{202E}\n{}: refused\n",
            "x".repeat(200_000)
        );
        let line = one_line(&page);
        assert!(line.starts_with("<html> <b>503 [31m</b> xxx"), "{line}");
        assert!(line.contains("x…x") && line.ends_with("x: refused"), "{line}");
        assert_eq!(line.chars().count(), MAX_LENGTH);
        for whole in ["", "as it was", &"é".repeat(MAX_LENGTH)] {
            assert_eq!(one_line(whole), *whole);
        }
        assert_eq!(one_line(" \n around\n"), "around");
        assert_eq!([cut("abcd", 3), cut("ab", 1), cut("ab", 0)], ["a…d", "…", "…"]);
    }

    proptest! {
        #[test]
        fn any_text_is_one_short_line(text in any::<String>(), limit in 1..60_usize) {
            let line = cut(&text, limit);
            prop_assert!(line.chars().count() <= limit && line.chars().all(is_shown), "{line:?}");
            prop_assert_eq!(cut(&line, limit), line);
        }
    }
}
