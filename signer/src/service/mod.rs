//! Gets an authorized message signed. Independent of HTTP.

mod admitted;
mod alive;
mod asked;
mod attempt;
mod cache;
mod call;
mod gate;
mod hedges;
mod key;
mod refused;
mod remote;
mod round;
#[cfg(test)]
mod scripted;
mod shared;
mod siblings;
#[cfg(test)]
mod tests;
mod tries;
mod watch;

use tokio::time::Instant;

pub use remote::Remote;
pub use siblings::first_answer;

use crate::{
    backend::{Backend, Effort, Signing},
    policy::{self, Authorized, Denied, Policy, Refusal, Rule},
    protocol::{Kind, Message},
};
use admitted::Admitted;

/// The rules and the key of one signer.
#[derive(Debug)]
pub struct Service<B> {
    policy: Policy,
    // None if no rule of this policy uses the clock.
    admitted: Option<Admitted>,
    backend: B,
}

impl<B: Backend> Service<B> {
    /// Signs, with this backend, the messages that this policy allows.
    pub fn new(policy: Policy, backend: B) -> Self {
        Self {
            admitted: policy.has_time_window().then(Admitted::default),
            policy,
            backend,
        }
    }

    /// The rules.
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Allows a message, or returns the refusal. A vote that was allowed before is judged by the time of its first request.
    pub fn authorize<T: Message>(&self, message: T) -> Result<Authorized<T>, Denied<T>> {
        self.authorize_at(message, policy::now())
    }

    fn authorize_at<T: Message>(&self, message: T, now: i64) -> Result<Authorized<T>, Denied<T>> {
        let judged = self.policy.authorize(message, now);
        let Some(admitted) = self.admitted.as_ref().filter(|_| T::KIND == Kind::Vote) else {
            return judged;
        };
        match judged {
            Ok(authorized) => {
                admitted.note(authorized.message().hash().as_ref(), now);
                Ok(authorized)
            }
            Err(Denied {
                message,
                refusal: refusal @ Refusal::Rule(Rule::VoteTimeWindow),
            }) => match admitted.first(message.hash().as_ref()) {
                Some(first) => self.policy.authorize(message, first),
                None => Err(Denied { message, refusal }),
            },
            Err(denied) => Err(denied),
        }
    }

    /// The effort so far for this hash, whose caller no longer waits.
    pub fn effort(&self, hash: &impl AsRef<[u8]>) -> Effort {
        self.backend.effort(hash.as_ref())
    }

    /// Signs the hash of a message for a caller that has been waiting since `start`. Also returns the hash.
    pub async fn sign<T: Message>(&self, message: &Authorized<T>, start: Instant) -> (T::Hash, Signing) {
        let hash = message.message().hash();
        let signing = self.backend.sign_for(hash.as_ref(), start).await;
        (hash, signing)
    }
}
