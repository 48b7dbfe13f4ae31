//! A key in Google Cloud KMS.

pub(crate) mod answer;
mod endpoint;
mod fault;
pub(crate) mod identity;
mod location;
mod name;
mod proxy;
pub(crate) mod public_key;
mod remedy;
mod session;
mod settings;

pub use endpoint::Endpoint;
pub use location::GcpLocation;
pub use settings::VENDOR;
