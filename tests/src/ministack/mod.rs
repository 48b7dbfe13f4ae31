//! ministack, a stand-in for AWS that others wrote: its KMS makes real Ed25519 signatures, its STS takes any token. It checks no
//! permission and has no faults: `crate::key_front` in front of it makes them.

mod keys;
mod server;

pub use keys::{REGION, ROLE, settings, sts_answer};
pub use server::Ministack;
