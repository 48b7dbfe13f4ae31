//! When a binding is reconciled again.

pub mod backoff;
pub mod cooldown;
pub mod resync;
