//! One function per setting.

mod endpoints;
mod key;
mod process;
mod time;
mod token;

pub use endpoints::{place, port};
pub use key::{KeyPlace, backend, public_key, seed, seed_file};
pub use process::{log_level, threads};
pub use time::{deadline, duration, startup_timeout};
pub use token::{SHORT_TOKEN, capabilities, in_header, token};
