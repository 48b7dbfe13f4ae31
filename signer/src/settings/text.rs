use std::{borrow::Cow, ffi::OsString};

use super::error::ConfigError;

/// A flag or a variable as given, if it is set.
pub type Setting<'a> = Option<&'a OsString>;

/// Maximum length of a non-secret value in a message.
const MAX_EXCERPT: usize = 60;

/// The value without surrounding blanks and line ends, if there is one.
pub fn text<'a>(
    variable: &'static str,
    value: Setting<'a>,
    expected: impl Into<Cow<'static, str>>,
) -> Result<Option<&'a str>, ConfigError> {
    let Some(value) = value else { return Ok(None) };
    let expected = expected.into();
    let Some(text) = value.to_str() else {
        return Err(ConfigError::new(variable, "a value that is not UTF-8", expected));
    };
    let text = text.trim_ascii();
    if text.is_empty() {
        return Err(ConfigError::new(
            variable,
            "an empty value",
            format!("{expected}, or the variable not set at all"),
        ));
    }
    Ok(Some(text))
}

pub fn excerpt(text: &str) -> String {
    let mut excerpt: String = text.escape_debug().take(MAX_EXCERPT).collect();
    if text.escape_debug().nth(MAX_EXCERPT).is_some() {
        excerpt.push('…');
    }
    excerpt
}
