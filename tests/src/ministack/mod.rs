//! ministack, a third-party stand-in for AWS: its KMS makes real Ed25519 signatures, its STS accepts any token. It checks no
//! permissions and has no faults; `crate::key_front` in front of it injects them.

mod keys;
mod server;

pub use keys::{REGION, ROLE, settings, sts_answer};
pub use server::Ministack;
