//! The signing API on HTTP.

mod arrival;
mod body;
mod connections;
mod docs;
mod error;
mod gate;
mod handlers;
mod json;
mod negotiation;
mod openapi;
mod record;
pub(crate) mod requests;
pub mod server;
mod silence;

pub use error::{ApiError, Code};
pub use gate::{Api, ApiService, router};
