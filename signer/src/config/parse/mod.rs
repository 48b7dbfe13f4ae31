//! One function per setting.

mod endpoints;
mod key;
mod process;
mod time;
mod token;

pub use endpoints::{gcp_endpoint, place, port};
pub use key::{BackendName, backend, key_version, public_key, seed, seed_file};
pub use process::{log_level, threads};
pub use time::{deadline, duration, startup_timeout};
pub use token::{SHORT_TOKEN, capabilities, token};

use super::{ConfigError, Setting};

/// How much of a value that is no secret a message shows.
const MAX_EXCERPT: usize = 60;

/// The value without the blanks and line ends around it, if there is one.
pub fn text<'a>(
    variable: &'static str,
    value: Setting<'a>,
    expected: &'static str,
) -> Result<Option<&'a str>, ConfigError> {
    let Some(value) = value else { return Ok(None) };
    let text = value
        .to_str()
        .ok_or_else(|| ConfigError::new(variable, "a value that is not UTF-8", expected))?
        .trim_ascii();
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
