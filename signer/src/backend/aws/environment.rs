//! The variables that all AWS SDKs share, as far as they apply here. An empty variable counts as not set, as in the SDKs.

use std::{env, ffi::OsString};

use crate::settings::{ConfigError, Errors};

/// The source of variables.
pub struct Environment<'a>(pub &'a dyn Fn(&str) -> Option<OsString>);

/// The variables of this process.
pub const PROCESS: Environment<'static> = Environment(&|name| env::var_os(name));

impl Environment<'_> {
    /// Whether it is set to any value.
    pub fn has(&self, name: &str) -> bool {
        (self.0)(name).is_some_and(|value| !value.to_string_lossy().trim().is_empty())
    }

    /// Its text, if it is set.
    pub fn text(&self, name: &'static str, errors: &mut Errors) -> Option<String> {
        let value = (self.0)(name)?;
        let Some(text) = value.to_str() else {
            errors.push(ConfigError::new(name, "a value that is not UTF-8", "text"));
            return None;
        };
        let text = text.trim_ascii();
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// `true` or `false` in any case. Default: `false`.
    pub fn switch(&self, name: &'static str, errors: &mut Errors) -> bool {
        match self.text(name, errors) {
            None => false,
            Some(text) if text.eq_ignore_ascii_case("true") => true,
            Some(text) if text.eq_ignore_ascii_case("false") => false,
            Some(text) => {
                errors.push(ConfigError::new(name, crate::settings::excerpt(&text), "true or false"));
                false
            }
        }
    }
}
