//! The pods that run an injected template: a cache of their relevant fields, and their signers' reports.

mod answers;
mod ask;
mod injected;
mod key;
mod line;
mod prober;

pub use answers::Answers;
pub use injected::{injected, is_over, is_ready, label, prune, running, what_matters};
pub use key::has_key_of;
pub use prober::run as ask_all;
