//! How our part of a pod template is written and read: what validate, render, plan, apply and status share.

pub mod hash;
pub mod intact;
pub mod names;
pub mod quantity;
pub mod subset;
pub mod variables;
pub mod voter;
pub mod whole;
