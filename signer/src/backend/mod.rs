//! Where the key is.

mod fault;
pub(crate) mod gcp;
mod local;
mod proof;
mod signing;

pub use fault::{Again, Cause, Fault};
pub use gcp::{Clients, Endpoint, GcpConfig, GcpKey, PublicKeyError, remedy};
pub use local::{InvalidSeed, LocalKey, Seed};
pub use proof::{prove, random, self_test_text, verify};
pub use signing::{Backend, BackendError, Effort, Signature, Signing};
