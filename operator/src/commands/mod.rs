//! Commands for people: they examine a cluster, or show or change one Deployment. The plugin of kubectl is here too.

mod explain;
mod failure;
mod patient;
pub mod plugin;
pub mod preflight;
mod remove;
pub mod render;
mod snapshot;
mod subject;
pub mod terminal;

pub use explain::{explain, explain_in};
pub use failure::Failure;
pub use patient::patiently;
pub use remove::{RemoveArgs, remove};
pub use subject::{DeploymentArgs, DeploymentName, connect};
