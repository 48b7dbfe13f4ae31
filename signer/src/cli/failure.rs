use crate::{exit::CONFIGURATION, settings::Errors};

/// Why the program ends: a message and an exit code.
#[derive(Debug)]
pub struct Failure {
    /// One of [`crate::exit`].
    pub code: u8,
    /// The error and what to do.
    pub message: String,
}

impl Failure {
    pub fn new(code: u8, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }
}

impl From<Errors> for Failure {
    fn from(errors: Errors) -> Self {
        Self::new(CONFIGURATION, errors.to_string())
    }
}
