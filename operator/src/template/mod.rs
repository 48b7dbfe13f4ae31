//! Reads and compares the operator's part of a pod template, and defines its names. `controller/render` writes it.

pub mod additions;
pub mod clash;
pub mod hash;
pub mod intact;
pub mod item;
pub mod merge;
pub mod names;
pub mod ours;
pub mod pod;
pub mod quantity;
pub mod resources;
pub mod service;
pub mod subset;
pub mod variables;
pub mod volumes;
pub mod voter;
pub mod whole;
