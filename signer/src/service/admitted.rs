//! When votes were first allowed. A node repeats a vote with an unchanged timestamp until it is signed. A vote that arrived in
//! time stays allowed, however long the key service is unavailable.

use std::sync::{Mutex, PoisonError};

use super::{cache::Cache, key::Key};

/// Number of remembered votes. A node has at most a hundred open requests, and repeats each once a second.
const REMEMBERED: usize = 16_384;

/// The votes that a time window has allowed, with the moments (milliseconds since the Unix epoch).
#[derive(Debug)]
pub struct Admitted(Mutex<Cache<i64>>);

impl Default for Admitted {
    fn default() -> Self {
        Self(Mutex::new(Cache::new(REMEMBERED)))
    }
}

impl Admitted {
    /// Records that this hash was allowed.
    pub fn note(&self, hash: &[u8], moment: i64) {
        let mut moments = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if moments.get(hash).is_none() {
            moments.put(Key::from(hash), moment);
        }
    }

    /// When this hash was first allowed.
    pub fn first(&self, hash: &[u8]) -> Option<i64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(hash)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::{
        backend::{Backend, LocalKey, Seed},
        policy::{Capabilities, Policy, Refusal, Rule, Rules},
        protocol::{Kind, PublicKey, Vote},
        service::Service,
    };

    const NOW: i64 = 1_800_000_000_000;

    fn service() -> Service<LocalKey> {
        let key = LocalKey::new(&Seed::generate().unwrap()).unwrap();
        let rules = Rules {
            vote_time_window: Some(Duration::from_secs(3)),
            ..Rules::default()
        };
        let policy = Policy::new(Capabilities::default().with(Kind::Vote), key.public_key());
        Service::new(policy.with_rules(rules), key)
    }

    fn vote(public_key: PublicKey, timestamp: i64) -> Vote {
        Vote {
            version: 0,
            public_key,
            block_hash: [0; 32],
            timestamp,
        }
    }

    #[test]
    fn a_vote_that_came_in_time_stays_in_time() {
        let service = service();
        let own = service.policy().public_key();
        let verdict = |timestamp: i64, now: i64| {
            let judged = service.authorize_at(vote(own, timestamp), now);
            judged.map(drop).map_err(|denied| denied.refusal)
        };
        let refused = Err(Refusal::Rule(Rule::VoteTimeWindow));
        assert_eq!(verdict(NOW, NOW), Ok(()));
        for later in [NOW + 3_000, NOW + 3_001, NOW + 86_400_000, NOW - 86_400_000] {
            assert_eq!(verdict(NOW, later), Ok(()), "asked again at {later}");
        }
        assert_eq!(
            verdict(NOW + 1, NOW + 3_002),
            refused,
            "another vote, which came too late"
        );
        assert_eq!(
            verdict(NOW + 1, NOW + 3_002),
            refused,
            "a refusal lets nothing through later"
        );
        assert_eq!(
            verdict(NOW + 1, NOW + 3_001),
            Ok(()),
            "in time after the clock was set right"
        );
    }

    #[test]
    fn nothing_is_remembered_where_no_rule_looks_at_the_clock() {
        let key = LocalKey::new(&Seed::generate().unwrap()).unwrap();
        let policy = Policy::new(Capabilities::default().with(Kind::Vote), key.public_key());
        assert!(Service::new(policy, key).admitted.is_none());
    }
}
