//! The place of the key: this process, or a key service.
//!
//! A key service is a folder here, with a [`Vendor`] in it, and one line in [`VENDORS`].

mod address;
mod aws;
mod bounds;
mod chain;
mod fault;
pub(crate) mod gcp;
mod generation;
mod identity_token;
mod local;
mod proof;
mod redaction;
mod secret_file;
mod signing;
pub(crate) mod spki;
mod upkeep;
pub(crate) mod vault;
mod vendor;

pub use bounds::{Lost, bounded};
pub use fault::{Again, Cause, Fault};
pub use gcp::{Endpoint, GcpLocation};
pub use generation::Held;
pub use identity_token::{IdentityToken, IdentityTokenFile};
pub use local::{InvalidSeed, LocalKey, Seed};
pub use proof::{prove_twice, random, self_test_text, verify};
pub use signing::{Backend, BackendError, Effort, Signature, Signing};
pub use upkeep::{Maker, Step, Upkeep};
pub use vendor::{BoxFuture, COMMON_VARIABLES, LoadError, Loaded, Location, Session, SessionKey, Vendor};

/// Every key service. `LOCAL`, a key in this process, is not one.
pub static VENDORS: &[&Vendor] = &[&gcp::VENDOR, &aws::VENDOR, &vault::VENDOR];
