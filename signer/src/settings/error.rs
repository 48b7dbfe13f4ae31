use std::{borrow::Cow, fmt};

use thiserror::Error;

/// An invalid setting. Names the variable; the flag has the same name.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{variable}: found {found}, expected {expected}")]
pub struct ConfigError {
    variable: Cow<'static, str>,
    found: Cow<'static, str>,
    expected: Cow<'static, str>,
}

impl ConfigError {
    pub fn new(
        variable: impl Into<Cow<'static, str>>,
        found: impl Into<Cow<'static, str>>,
        expected: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            variable: variable.into(),
            found: found.into(),
            expected: expected.into(),
        }
    }
}

/// All errors, one line each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Errors(Vec<ConfigError>);

impl Errors {
    pub fn push(&mut self, error: ConfigError) {
        self.0.push(error);
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn take<T>(&mut self, result: Result<T, ConfigError>) -> Option<T> {
        result.map_err(|error| self.0.push(error)).ok()
    }

    pub fn take_all<T>(&mut self, result: Result<T, Self>) -> Option<T> {
        result.map_err(|errors| self.0.extend(errors.0)).ok()
    }
}

impl From<ConfigError> for Errors {
    fn from(error: ConfigError) -> Self {
        Self(vec![error])
    }
}

impl fmt::Display for Errors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        formatter.write_str(&lines.join("\n"))
    }
}

impl std::error::Error for Errors {}
