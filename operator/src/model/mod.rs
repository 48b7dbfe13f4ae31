//! Plain values that the steps hand to each other. No client, and no decision.

pub mod deployment;
pub mod error;
pub mod scope;
