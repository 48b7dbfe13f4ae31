//! A key in AWS KMS.

mod answer;
mod arn;
mod clients;
mod clock;
mod credentials;
mod endpoint;
mod environment;
mod fault;
mod http;
mod key_arn;
mod location;
mod near;
mod place;
mod provider;
mod public_key;
mod redaction;
mod remedy;
mod role_arn;
mod session;
mod settings;
mod source;
mod trouble;
mod variables;
mod web_identity;

pub use settings::VENDOR;
