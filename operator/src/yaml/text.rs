//! Decodes bytes to text.

/// UTF-8, or UTF-16 with a byte order mark, as some editors write it. Invalid bytes are replaced.
pub fn decode(bytes: &[u8]) -> String {
    match bytes {
        [0xFF, 0xFE, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => utf16(rest, u16::from_be_bytes),
        _ => utf8(bytes),
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let units = bytes
        .chunks(2)
        .map(|pair| unit([pair[0], pair.get(1).copied().unwrap_or(0)]));
    char::decode_utf16(units)
        .map(|char| char.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect()
}

/// With one replacement character for each invalid byte, as in Go.
pub fn utf8(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    text
}

/// The beginning of a text, for a message.
pub fn short(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_editors_write() {
        assert_eq!(decode(b"a: 1"), "a: 1");
        assert_eq!(decode(b"\xFF\xFEa\0:\0"), "a:");
        assert_eq!(decode(b"\xFE\xFF\0a\0:"), "a:");
        assert_eq!(decode(b"a\xFF\xFEb"), "a\u{FFFD}\u{FFFD}b");
    }
}
