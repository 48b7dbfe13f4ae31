//! From an authorized message to its signature. Knows no HTTP.

mod asked;
mod attempt;
mod cache;
mod call;
mod gate;
mod hedges;
mod key;
mod remote;
mod round;
#[cfg(test)]
mod scripted;
mod shared;
#[cfg(test)]
mod tests;
mod watch;

use tokio::time::Instant;

pub use remote::Remote;

use crate::{
    backend::{Backend, Effort, Signing},
    policy::{Authorized, Denied, Policy},
    protocol::Message,
};

/// The rules and the key of one signer.
#[derive(Debug)]
pub struct Service<B> {
    policy: Policy,
    backend: B,
}

impl<B: Backend> Service<B> {
    /// Signs with this backend what this policy lets through.
    pub const fn new(policy: Policy, backend: B) -> Self {
        Self { policy, backend }
    }

    /// The rules.
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Lets a message through, or says why not.
    pub fn authorize<T: Message>(&self, message: T) -> Result<Authorized<T>, Denied<T>> {
        self.policy.authorize(message)
    }

    /// What has been done so far for this hash, which somebody asked for and did not wait for.
    pub fn effort(&self, hash: &impl AsRef<[u8]>) -> Effort {
        self.backend.effort(hash.as_ref())
    }

    /// Signs the hash of a message for a caller who has been waiting since `start`. Returns the hash as well.
    pub async fn sign<T: Message>(&self, message: &Authorized<T>, start: Instant) -> (T::Hash, Signing) {
        let hash = message.message().hash();
        let signing = self.backend.sign_for(hash.as_ref(), start).await;
        (hash, signing)
    }
}
