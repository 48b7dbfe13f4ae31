//! Restrictions beyond kinds and key. Each rule is off unless set.

use std::time::Duration;

use crate::protocol::{Block, BlockKind, Challenge, Network, PublicKey, View, Vote};

/// A rule that can refuse a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Only blocks of these networks.
    Networks,
    /// Only blocks of these types.
    BlockTypes,
    /// No SEND of a larger amount.
    MaxAmountPerSend,
    /// No SEND to other receivers.
    AllowedReceivers,
    /// No other representative in OPEN and CHANGE.
    Representative,
    /// Only votes with a recent timestamp, and final ones.
    VoteTimeWindow,
    /// Only challenges with this prefix.
    ChallengeUriPrefix,
}

impl Rule {
    /// All rules, in the order in which they are checked.
    pub const ALL: [Self; 7] = [
        Self::Networks,
        Self::BlockTypes,
        Self::MaxAmountPerSend,
        Self::AllowedReceivers,
        Self::Representative,
        Self::VoteTimeWindow,
        Self::ChallengeUriPrefix,
    ];

    /// The name, as in `ATTO_SIGNER_POLICY_<name>`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Networks => "NETWORKS",
            Self::BlockTypes => "BLOCK_TYPES",
            Self::MaxAmountPerSend => "MAX_AMOUNT_PER_SEND",
            Self::AllowedReceivers => "ALLOWED_RECEIVERS",
            Self::Representative => "REPRESENTATIVE",
            Self::VoteTimeWindow => "VOTE_TIME_WINDOW",
            Self::ChallengeUriPrefix => "CHALLENGE_URI_PREFIX",
        }
    }

    /// The property of the message that the rule forbids.
    pub const fn complaint(self) -> &'static str {
        match self {
            Self::Networks => "the block is for another network",
            Self::BlockTypes => "the block is of another type",
            Self::MaxAmountPerSend => "the amount is larger",
            Self::AllowedReceivers => "the receiver is another account",
            Self::Representative => "the block names another representative",
            Self::VoteTimeWindow => "the vote's timestamp is too far from now",
            Self::ChallengeUriPrefix => "the challenge starts with another text",
        }
    }
}

/// The rules of one signer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// Allowed networks of blocks.
    pub networks: Option<Vec<Network>>,
    /// Allowed types of blocks, upper-case.
    pub block_types: Option<Vec<&'static str>>,
    /// In raw units.
    pub max_amount_per_send: Option<u64>,
    /// Allowed receivers of SEND.
    pub allowed_receivers: Option<Vec<PublicKey>>,
    /// Allowed representative in OPEN and CHANGE.
    pub representative: Option<PublicKey>,
    /// Allowed difference from the present time, in both directions.
    pub vote_time_window: Option<Duration>,
    /// Prefix of a challenge. A node builds a challenge from the public URI (UTF-8) of the node that must sign it, and 128 random
    /// bytes.
    pub challenge_uri_prefix: Option<String>,
}

impl Rules {
    /// Whether no rule is set.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The first rule that refuses this message at this time (milliseconds since the Unix epoch).
    pub fn check(&self, message: View<'_>, now: i64) -> Result<(), Rule> {
        let broken = match message {
            View::Block(block) => self.block(block),
            View::Vote(vote) => self.vote(vote, now),
            View::Challenge(challenge) => self.challenge(challenge),
        };
        broken.map_or(Ok(()), Err)
    }

    fn block(&self, block: &Block) -> Option<Rule> {
        let Self {
            networks,
            block_types,
            max_amount_per_send,
            allowed_receivers,
            representative,
            vote_time_window: _,
            challenge_uri_prefix: _,
        } = self;
        if networks.as_ref().is_some_and(|all| !all.contains(&block.network)) {
            return Some(Rule::Networks);
        }
        if block_types
            .as_ref()
            .is_some_and(|all| !all.contains(&block.kind.name()))
        {
            return Some(Rule::BlockTypes);
        }
        match &block.kind {
            BlockKind::Send { amount, receiver, .. } => {
                if max_amount_per_send.is_some_and(|max| *amount > max) {
                    return Some(Rule::MaxAmountPerSend);
                }
                let is_stranger = allowed_receivers.as_ref().is_some_and(|all| !all.contains(receiver));
                is_stranger.then_some(Rule::AllowedReceivers)
            }
            BlockKind::Open {
                representative: found, ..
            }
            | BlockKind::Change {
                representative: found, ..
            } => {
                let is_other = representative.as_ref().is_some_and(|only| only != found);
                is_other.then_some(Rule::Representative)
            }
            BlockKind::Receive { .. } => None,
        }
    }

    fn vote(&self, vote: &Vote, now: i64) -> Option<Rule> {
        let window = self.vote_time_window?;
        let is_near = u128::from(vote.timestamp.abs_diff(now)) <= window.as_millis();
        (!is_near && vote.timestamp != i64::MAX).then_some(Rule::VoteTimeWindow)
    }

    fn challenge(&self, challenge: &Challenge) -> Option<Rule> {
        let prefix = self.challenge_uri_prefix.as_ref()?;
        (!challenge.bytes().starts_with(prefix.as_bytes())).then_some(Rule::ChallengeUriPrefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Link, Message};

    const KEY: PublicKey = PublicKey([1; 32]);
    const OTHER: PublicKey = PublicKey([2; 32]);
    const NOW: i64 = 1_800_000_000_000;

    fn block(kind: BlockKind) -> Block {
        Block {
            network: Network::Beta,
            version: 0,
            public_key: KEY,
            balance: 0,
            timestamp: NOW,
            kind,
        }
    }

    fn link() -> Link {
        Link {
            height: 2,
            previous: [0; 32],
        }
    }

    fn send() -> Block {
        block(BlockKind::Send {
            link: link(),
            receiver: OTHER,
            amount: 100,
        })
    }

    fn change() -> Block {
        block(BlockKind::Change {
            link: link(),
            representative: OTHER,
        })
    }

    fn vote(timestamp: i64) -> Vote {
        Vote {
            version: 0,
            public_key: KEY,
            block_hash: [0; 32],
            timestamp,
        }
    }

    fn check(rules: &Rules, message: &impl Message) -> Result<(), Rule> {
        rules.check(message.view(), NOW)
    }

    #[test]
    fn without_rules_everything_goes() {
        let rules = Rules::default();
        assert!(rules.is_empty());
        assert_eq!(check(&rules, &send()), Ok(()));
        assert_eq!(check(&rules, &change()), Ok(()));
        assert_eq!(check(&rules, &vote(0)), Ok(()));
    }

    #[test]
    fn each_rule_refuses_what_it_forbids_and_lets_the_rest_through() {
        let on = Rules::default;
        let networks = |network| Rules {
            networks: Some(vec![network]),
            ..on()
        };
        assert_eq!(check(&networks(Network::Live), &send()), Err(Rule::Networks));
        assert_eq!(check(&networks(Network::Beta), &send()), Ok(()));
        let types = |name| Rules {
            block_types: Some(vec![name]),
            ..on()
        };
        assert_eq!(check(&types("CHANGE"), &send()), Err(Rule::BlockTypes));
        assert_eq!(check(&types("CHANGE"), &change()), Ok(()));
        let amount = |max| Rules {
            max_amount_per_send: Some(max),
            ..on()
        };
        assert_eq!(check(&amount(99), &send()), Err(Rule::MaxAmountPerSend));
        assert_eq!(check(&amount(100), &send()), Ok(()));
        let receivers = |key| Rules {
            allowed_receivers: Some(vec![key]),
            ..on()
        };
        assert_eq!(check(&receivers(KEY), &send()), Err(Rule::AllowedReceivers));
        assert_eq!(check(&receivers(OTHER), &send()), Ok(()));
        let representative = |key| Rules {
            representative: Some(key),
            ..on()
        };
        assert_eq!(check(&representative(KEY), &change()), Err(Rule::Representative));
        assert_eq!(check(&representative(KEY), &send()), Ok(()));
        assert_eq!(check(&representative(OTHER), &change()), Ok(()));
    }

    #[test]
    fn votes_are_of_about_now_or_final() {
        let rules = Rules {
            vote_time_window: Some(Duration::from_mins(1)),
            ..Rules::default()
        };
        for good in [NOW, NOW - 60_000, NOW + 60_000, i64::MAX] {
            assert_eq!(check(&rules, &vote(good)), Ok(()), "{good}");
        }
        for bad in [NOW - 60_001, NOW + 60_001, 0, i64::MIN, i64::MAX - 1] {
            assert_eq!(check(&rules, &vote(bad)), Err(Rule::VoteTimeWindow), "{bad}");
        }
    }

    #[test]
    fn challenges_start_with_the_prefix() {
        let rules = Rules {
            challenge_uri_prefix: Some("wss://node.example:".to_owned()),
            ..Rules::default()
        };
        let challenge = |uri: &str| {
            let bytes = [uri.as_bytes(), &[7; 128]].concat();
            Challenge::new(KEY, bytes, 0).unwrap()
        };
        assert_eq!(check(&rules, &challenge("wss://node.example:8082")), Ok(()));
        for other in ["wss://other.example:8082", "", "WSS://NODE.EXAMPLE:8082"] {
            assert_eq!(
                check(&rules, &challenge(other)),
                Err(Rule::ChallengeUriPrefix),
                "{other}"
            );
        }
    }
}
