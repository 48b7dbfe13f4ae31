//! Reads the text of a single setting, for any part of the program, and reports errors.

mod error;
mod text;

pub use error::{ConfigError, Errors};
pub use text::{Setting, excerpt, text};
