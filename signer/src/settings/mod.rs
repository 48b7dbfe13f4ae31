//! How one setting is read, whichever part of the program it is for: its text, and what is wrong with it.

mod error;
mod text;

pub use error::{ConfigError, Errors};
pub use text::{Setting, excerpt, text};
