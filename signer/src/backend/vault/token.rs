//! The key service's token, which is secret.

use std::fmt;

use bytes::Bytes;
use reqwest::header::{HeaderValue, InvalidHeaderValue};
use zeroize::Zeroizing;

/// The single copy in memory, which every request shares. It is wiped after the last use.
#[derive(Clone)]
pub struct Token(Bytes);

impl Token {
    /// Takes ownership of the text.
    pub fn new(text: Zeroizing<String>) -> Self {
        Self(Bytes::from_owner(Wiped(text)))
    }

    /// The token in a header.
    pub fn header(&self) -> Result<HeaderValue, InvalidHeaderValue> {
        let mut value = HeaderValue::from_maybe_shared(self.0.clone())?;
        value.set_sensitive(true);
        Ok(value)
    }

    /// The token itself.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Token(hidden)")
    }
}

struct Wiped(Zeroizing<String>);

impl AsRef<[u8]> for Wiped {
    fn as_ref(&self) -> &[u8] {
        self.0.trim_ascii().as_bytes()
    }
}

/// Whether a text can be a token. A header could carry other characters, but they would be a mistake.
pub fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// A body that contains a secret.
pub fn wiped_body(text: String) -> Bytes {
    Bytes::from_owner(Wiped(Zeroizing::new(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_in_its_header_and_nowhere_else() {
        let token = Token::new(Zeroizing::new(" hvs.secret\n".to_owned()));
        let header = token.header().unwrap();
        assert_eq!(header.as_bytes(), b"hvs.secret");
        assert_eq!(format!("{token:?} {header:?}"), "Token(hidden) Sensitive");
        assert!(is_token("hvs.AbC-_1") && !is_token("") && !is_token("a b") && !is_token("a\nb") && !is_token("é"));
    }
}
