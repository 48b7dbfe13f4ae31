//! How our part of a pod template is read and compared, and what is in it is called. It is written in `controller/render`.

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
