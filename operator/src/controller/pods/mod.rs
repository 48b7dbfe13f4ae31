//! The pods that run an injected template: a cache of what matters of them, and what their signers say of themselves.

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
