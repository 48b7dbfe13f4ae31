//! Why a command failed.

use std::fmt;

use crate::exit;
use crate::model::error::Error;

/// Why a command failed, and its exit code (sysexits).
#[derive(Debug)]
pub struct Failure {
    pub code: u8,
    pub text: String,
}

impl Failure {
    pub fn new(code: u8, text: impl Into<String>) -> Self {
        Self {
            code,
            text: text.into(),
        }
    }

    pub fn no_such_deployment(namespace: &str, name: &str) -> Self {
        let text = format!("found no Deployment {name} in namespace {namespace}; `--namespace` names another one");
        Self::new(exit::NO_INPUT, text)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let code = if error.is_forbidden() {
            exit::PERMISSION
        } else {
            exit::UNAVAILABLE
        };
        Self::new(code, error.to_string())
    }
}
