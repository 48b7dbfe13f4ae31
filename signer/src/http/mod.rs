//! The signing API on HTTP.

mod auth;
mod body;
mod error;
mod gate;
mod handlers;
mod json;
mod negotiation;
mod record;
mod requests;
pub mod server;

pub use auth::Token;
pub use error::{ApiError, Code};
pub use gate::{Api, ApiService, router};
