//! From bytes to text.

/// UTF-8, or UTF-16 that says so with a byte order mark, as some editors write it.
pub fn decode(bytes: Vec<u8>) -> Result<String, String> {
    let (units, name): (Vec<u16>, _) = match bytes.as_slice() {
        [0xFF, 0xFE, rest @ ..] => (pairs(rest).map(u16::from_le_bytes).collect(), "UTF-16LE"),
        [0xFE, 0xFF, rest @ ..] => (pairs(rest).map(u16::from_be_bytes).collect(), "UTF-16BE"),
        _ => {
            return String::from_utf8(bytes).map_err(|error| {
                let at = error.utf8_error().valid_up_to();
                format!("found a byte that is not UTF-8 at offset {at}, expected text in UTF-8")
            });
        }
    };
    String::from_utf16(&units).map_err(|_| format!("found half a character, expected text in {name}"))
}

/// The beginning of a text, for a message.
pub fn short(text: &str) -> String {
    text.chars().take(40).collect()
}

fn pairs(bytes: &[u8]) -> impl Iterator<Item = [u8; 2]> {
    bytes.chunks(2).map(|pair| [pair[0], pair.get(1).copied().unwrap_or(0)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_editors_write() {
        assert_eq!(decode(b"a: 1".to_vec()).unwrap(), "a: 1");
        assert_eq!(decode(b"\xFF\xFEa\0:\0".to_vec()).unwrap(), "a:");
        assert_eq!(decode(b"\xFE\xFF\0a\0:".to_vec()).unwrap(), "a:");
        assert!(decode(b"a\xFF".to_vec()).unwrap_err().contains("offset 1"));
    }
}
