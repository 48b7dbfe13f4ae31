//! Who may send requests, and for which messages.

use crate::{
    policy::Capabilities,
    protocol::Kind,
    settings::{ConfigError, Setting, excerpt, text},
    token::Token,
};

/// A shorter token causes a warning.
pub const SHORT_TOKEN: usize = 16;

pub fn token(value: Setting<'_>, warnings: &mut Vec<String>) -> Result<Token, ConfigError> {
    const VARIABLE: &str = "ATTO_SIGNER_TOKEN";
    const EXPECTED: &str =
        "the token that the node has in ATTO_SIGNER_REMOTE_TOKEN (`signer token generate` makes one)";
    let Some(trimmed) = text(VARIABLE, value, EXPECTED)? else {
        return Err(ConfigError::new(VARIABLE, "nothing", EXPECTED));
    };
    in_header(trimmed).map_err(|found| {
        let expected =
            "a token of ASCII characters, which fits into an HTTP header (`signer token generate` makes one)";
        ConfigError::new(VARIABLE, found, expected)
    })?;
    if value.is_some_and(|value| value.len() != trimmed.len()) {
        // An HTTP header cannot contain them, so no client could send the token unchanged.
        warnings.push(format!(
            "{VARIABLE}: the blanks or line ends around the token are ignored. Write the Secret without them"
        ));
    }
    if trimmed.len() < SHORT_TOKEN {
        warnings.push(format!("{VARIABLE}: the token has fewer than {SHORT_TOKEN} bytes and can be guessed. `signer token generate` prints a better one"));
    }
    Ok(Token::new(trimmed))
}

/// Accepts only characters that every HTTP client sends identically. Beyond ASCII, clients differ: some send UTF-8, some ISO
/// 8859-1, some nothing.
pub fn in_header(token: &str) -> Result<(), &'static str> {
    if token.chars().any(char::is_control) {
        return Err("a line end or another control character inside the token");
    }
    if !token.is_ascii() {
        return Err("a character that is not ASCII inside the token");
    }
    Ok(())
}

pub fn capabilities(value: Setting<'_>) -> Result<Capabilities, ConfigError> {
    const VARIABLE: &str = "ATTO_SIGNER_CAPABILITIES";
    const EXPECTED: &str = "some of BLOCK, CHALLENGE, VOTE, separated by commas; a voter has CHALLENGE,VOTE";
    let Some(text) = text(VARIABLE, value, EXPECTED)? else {
        return Err(ConfigError::new(VARIABLE, "nothing", EXPECTED));
    };
    text.split(',')
        .map(str::trim)
        .try_fold(Capabilities::default(), |capabilities, name| {
            let kind = Kind::ALL
                .into_iter()
                .find(|kind| kind.name().eq_ignore_ascii_case(name));
            kind.map(|kind| capabilities.with(kind)).ok_or_else(|| {
                let found = if name.is_empty() {
                    "an empty name".to_owned()
                } else {
                    excerpt(name)
                };
                ConfigError::new(VARIABLE, found, EXPECTED)
            })
        })
}
