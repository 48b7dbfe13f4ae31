//! A key in Google Cloud KMS.

pub(crate) mod answer;
mod clients;
mod fault;
mod identity;
mod location;
pub(crate) mod public_key;
mod remedy;
mod session;

pub use clients::Clients;
pub use location::{Endpoint, GcpConfig};
pub use public_key::PublicKeyError;
pub use remedy::remedy;
pub use session::GcpKey;
