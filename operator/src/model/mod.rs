//! Plain values that the steps pass to each other. Contains neither clients nor decisions.

pub mod applied;
pub mod binding;
pub mod deployment;
pub mod error;
pub mod field_path;
pub mod fields;
pub mod held;
pub mod identity;
pub mod injection;
pub mod needs;
pub mod observed;
pub mod plan;
pub mod pod;
pub mod reason;
pub mod refusal;
pub mod rendered;
pub mod report;
pub mod scope;
pub mod settings;
pub mod strategy;
pub mod stray;
pub mod surroundings;
pub mod text;
