//! The signing API on HTTP.

mod answer;
mod api;
mod arrival;
mod body;
mod connection;
mod connections;
mod docs;
mod error;
mod fields;
mod gate;
mod handlers;
mod json;
mod negotiation;
mod openapi;
mod paths;
mod record;
pub(crate) mod requests;
pub mod server;
mod silence;

pub use api::Api;
pub use error::{ApiError, Code};
pub use gate::{ApiService, router};
