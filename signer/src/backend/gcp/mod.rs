//! A key in Google Cloud KMS.

pub(crate) mod answer;
mod arguments;
mod clients;
mod endpoint;
mod fault;
mod federation;
pub(crate) mod identity;
mod location;
mod login;
mod name;
mod provider;
mod proxy;
pub(crate) mod public_key;
mod remedy;
mod session;
mod settings;

pub use endpoint::Endpoint;
pub use location::GcpLocation;
pub use settings::VENDOR;
