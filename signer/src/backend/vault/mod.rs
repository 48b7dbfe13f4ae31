//! A key in the transit engine of OpenBao or HashiCorp Vault.
//!
//! The client is our own, small and strict, on the HTTP library that is there: it reads one key, signs with it, logs in, and renews and
//! looks up its token. What the libraries of others bring beyond that is not needed, and what they leave out is: the version of the key in
//! every request and answer, bounds on what is read, and no redirect that takes the token elsewhere.

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
