//! The one door to the API server.

pub mod fence;
pub mod liveness;
pub mod timeouts;
