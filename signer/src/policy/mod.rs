//! Decides which messages may be signed. Every signature passes [`Policy::authorize`].

mod rules;

use std::{
    fmt,
    time::{SystemTime, UNIX_EPOCH},
};

use thiserror::Error;

pub use rules::{Rule, Rules};

use crate::protocol::{Kind, Message, PublicKey};

/// The kinds of messages that this signer may sign.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capabilities([bool; Kind::ALL.len()]);

impl Capabilities {
    /// Adds one.
    #[must_use]
    pub const fn with(mut self, kind: Kind) -> Self {
        self.0[kind as usize] = true;
        self
    }

    /// Whether messages of this kind may be signed.
    pub const fn contain(self, kind: Kind) -> bool {
        self.0[kind as usize]
    }

    /// The names, sorted.
    pub fn names(self) -> Vec<&'static str> {
        let mut names: Vec<_> = Kind::ALL
            .into_iter()
            .filter(|kind| self.contain(*kind))
            .map(Kind::name)
            .collect();
        names.sort_unstable();
        names
    }
}

impl fmt::Display for Capabilities {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.names().join(","))
    }
}

/// Why a well-formed message is refused. The texts are known to clients of the Atto signer.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Refusal {
    /// This kind is not among the capabilities.
    #[error("Signing a {} is not allowed. Capability {} is missing.", .0.name().to_ascii_lowercase(), .0.name())]
    MissingCapability(Kind),
    /// The message is for another key; contains the signer's own key.
    #[error("Different public key {0}")]
    OtherPublicKey(PublicKey),
    /// A rule forbids it.
    #[error("The policy {} does not allow this: {}.", .0.name(), .0.complaint())]
    Rule(Rule),
}

/// The rules of one signer.
#[derive(Clone, Debug)]
pub struct Policy {
    capabilities: Capabilities,
    public_key: PublicKey,
    // None if no rule is set, which skips the check.
    rules: Option<Rules>,
}

/// A message that the policy has allowed. Nothing else can be signed.
#[derive(Debug)]
pub struct Authorized<T>(T);

/// A message that the policy has refused.
#[derive(Debug)]
pub struct Denied<T> {
    /// The message.
    pub message: T,
    /// The reason.
    pub refusal: Refusal,
}

impl<T> Authorized<T> {
    /// The message.
    pub const fn message(&self) -> &T {
        &self.0
    }

    /// The message, which can no longer be signed.
    pub fn into_message(self) -> T {
        self.0
    }
}

impl Policy {
    /// Allows these kinds of messages for this key.
    pub const fn new(capabilities: Capabilities, public_key: PublicKey) -> Self {
        Self {
            capabilities,
            public_key,
            rules: None,
        }
    }

    /// Adds these rules.
    #[must_use]
    pub fn with_rules(mut self, rules: Rules) -> Self {
        self.rules = Some(rules).filter(|rules| !rules.is_empty());
        self
    }

    /// The key that messages must contain.
    pub const fn public_key(&self) -> PublicKey {
        self.public_key
    }

    /// Whether a rule compares a message with the clock.
    pub fn has_time_window(&self) -> bool {
        self.rules
            .as_ref()
            .is_some_and(|rules| rules.vote_time_window.is_some())
    }

    /// Allows a message that arrives at this moment ([`now`]), or returns the refusal.
    pub fn authorize<T: Message>(&self, message: T, moment: i64) -> Result<Authorized<T>, Denied<T>> {
        match self.check(&message, moment) {
            Ok(()) => Ok(Authorized(message)),
            Err(refusal) => Err(Denied { message, refusal }),
        }
    }

    fn check<T: Message>(&self, message: &T, moment: i64) -> Result<(), Refusal> {
        if !self.capabilities.contain(T::KIND) {
            return Err(Refusal::MissingCapability(T::KIND));
        }
        if *message.public_key() != self.public_key {
            return Err(Refusal::OtherPublicKey(self.public_key));
        }
        if let Some(rules) = &self.rules {
            rules.check(message.view(), moment).map_err(Refusal::Rule)?;
        }
        Ok(())
    }
}

/// Milliseconds since the Unix epoch.
pub fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Vote;

    fn vote(public_key: PublicKey) -> Vote {
        Vote {
            version: 0,
            public_key,
            block_hash: [0; 32],
            timestamp: 0,
        }
    }

    fn refusal(result: Result<Authorized<Vote>, Denied<Vote>>) -> String {
        result.unwrap_err().refusal.to_string()
    }

    #[test]
    fn the_texts_are_those_that_clients_know() {
        let own = PublicKey([0xAB; 32]);
        let policy = Policy::new(Capabilities::default().with(Kind::Vote), own);
        assert_eq!(policy.authorize(vote(own), 0).unwrap().message(), &vote(own));
        assert_eq!(
            refusal(policy.authorize(vote(PublicKey([1; 32])), 0)),
            format!("Different public key {}", "AB".repeat(32))
        );
        let none = Policy::new(Capabilities::default(), own);
        assert_eq!(
            refusal(none.authorize(vote(own), 0)),
            "Signing a vote is not allowed. Capability VOTE is missing."
        );
        assert_eq!(
            Refusal::MissingCapability(Kind::Block).to_string(),
            "Signing a block is not allowed. Capability BLOCK is missing."
        );
        assert_eq!(
            Refusal::MissingCapability(Kind::Challenge).to_string(),
            "Signing a challenge is not allowed. Capability CHALLENGE is missing."
        );
    }
}
