//! Commands for a person at the keyboard: they examine a cluster, or look at, or change, one Deployment.

mod explain;
mod failure;
mod patient;
pub mod preflight;
mod remove;
pub mod render;
mod snapshot;
mod subject;

pub use explain::explain;
pub use failure::Failure;
pub use remove::{RemoveArgs, remove};
pub use subject::DeploymentArgs;
