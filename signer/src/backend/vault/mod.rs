//! A key in the transit engine of OpenBao or HashiCorp Vault.
//!
//! The client is this project's own, small and strict, on the HTTP library that is already used: it reads one key, signs with it,
//! logs in, and renews and looks up its token. Other libraries lack required checks: the key version in every request and answer,
//! limits on answers, and no redirect that sends the token elsewhere.

pub(crate) mod answer;
mod auth;
mod credentials;
pub(crate) mod fault;
mod http;
pub(crate) mod key;
mod lease;
mod location;
mod login;
mod place;
mod proxy;
pub(crate) mod public_key;
mod remedy;
mod session;
mod settings;
mod token;
mod trust;

pub use settings::VENDOR;
