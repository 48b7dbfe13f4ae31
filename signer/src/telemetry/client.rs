//! Detects a client all of whose requests of one kind are refused for the same reason: the signer is up then, but useless.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use crate::protocol::Kind;

const WINDOW: Duration = Duration::from_mins(1);
const THRESHOLD: usize = 3;

/// A client's persistent mistake. The worst, which affects the most requests, comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ClientFault {
    /// It has a wrong token.
    WrongToken,
    /// It requests signatures by another key.
    OtherPublicKey,
    /// It requests kinds that are not allowed.
    MissingCapability,
}

impl ClientFault {
    /// The name in `/health`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::WrongToken => "WrongToken",
            Self::OtherPublicKey => "OtherPublicKey",
            Self::MissingCapability => "MissingCapability",
        }
    }

    /// The remedy.
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::WrongToken => "give the node the value of ATTO_SIGNER_TOKEN as its ATTO_SIGNER_REMOTE_TOKEN",
            Self::OtherPublicKey => {
                "compare the addresses of node and signer, and point the node at the signer that holds its key"
            }
            Self::MissingCapability => "add the capability to ATTO_SIGNER_CAPABILITIES if the node may have it",
        }
    }
}

/// How one signing request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Refused for a reason that will persist.
    Fault(ClientFault),
    /// Any other result, including a signature.
    Other,
}

/// The present mistake of a client, and the kinds of requests that it affects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// The worst mistake.
    pub fault: ClientFault,
    /// The affected kinds. Empty for a wrong token, which affects all.
    pub kinds: Vec<Kind>,
}

/// The latest signing requests, separately for each kind, because signed challenges do not mean signed votes. A wrong token does
/// not count for a kind: if the node has the right one, the request came from another client, and does not describe the node.
#[derive(Debug)]
pub struct Client {
    start: Instant,
    token: Run,
    kinds: [Run; Kind::ALL.len()],
}

impl Default for Client {
    fn default() -> Self {
        Self {
            start: Instant::now(),
            token: Run::default(),
            kinds: Default::default(),
        }
    }
}

impl Client {
    /// Records a request. Returns whether a mistake is now established and must be logged.
    pub fn note(&self, kind: Kind, verdict: Verdict, now: Instant) -> bool {
        let now = self.milliseconds(now);
        if verdict == Verdict::Fault(ClientFault::WrongToken) {
            return self.token.fail(ClientFault::WrongToken, now);
        }
        self.token.other.store(now, Relaxed);
        let run = &self.kinds[kind as usize];
        match verdict {
            Verdict::Fault(fault) => run.fail(fault, now),
            Verdict::Other => {
                run.other.store(now, Relaxed);
                false
            }
        }
    }

    /// The worst mistake that all recent requests of a kind have.
    pub fn complaint(&self, now: Instant) -> Option<Complaint> {
        let now = self.milliseconds(now);
        if let Some(fault) = self.token.fault(now) {
            let kinds = Vec::new();
            return Some(Complaint { fault, kinds });
        }
        let faults: Vec<_> = Kind::ALL
            .into_iter()
            .filter_map(|kind| Some((kind, self.kinds[kind as usize].fault(now)?)))
            .collect();
        let fault = faults.iter().map(|(_, fault)| *fault).min()?;
        let kinds = faults.iter().filter(|(_, other)| *other == fault);
        Some(Complaint {
            fault,
            kinds: kinds.map(|(kind, _)| *kind).collect(),
        })
    }

    /// Time since the start. Never 0, which means never.
    fn milliseconds(&self, now: Instant) -> u64 {
        u64::try_from(now.duration_since(self.start).as_millis())
            .unwrap_or(u64::MAX)
            .saturating_add(1)
    }
}

/// Recent requests: the last three with the same refusal, and when a request last ended differently.
#[derive(Debug, Default)]
struct Run {
    /// When a request last ended without a client mistake. Costs a signed request one store, and no lock.
    other: AtomicU64,
    faults: Mutex<Faults>,
}

/// Moments in milliseconds; 0 means never.
#[derive(Clone, Copy, Debug, Default)]
struct Faults {
    fault: Option<ClientFault>,
    latest: [u64; THRESHOLD],
    /// When a request was last refused for another reason.
    otherwise: u64,
}

impl Run {
    fn fail(&self, fault: ClientFault, now: u64) -> bool {
        let mut faults = self.lock();
        let before = self.judge(&faults, now);
        if faults.fault != Some(fault) {
            *faults = Faults {
                fault: Some(fault),
                otherwise: faults.latest[0],
                ..Faults::default()
            };
        }
        faults.latest.rotate_right(1);
        faults.latest[0] = now;
        before.is_none() && self.judge(&faults, now).is_some()
    }

    fn fault(&self, now: u64) -> Option<ClientFault> {
        self.judge(&self.lock(), now)
    }

    /// The mistake, if at least three requests of the last minute, and no other request, had it.
    fn judge(&self, faults: &Faults, now: u64) -> Option<ClientFault> {
        let window = u64::try_from(WINDOW.as_millis()).unwrap_or(u64::MAX);
        let is_recent = |moment: u64| moment > 0 && now.saturating_sub(moment) < window;
        let is_told_otherwise = is_recent(faults.otherwise) || is_recent(self.other.load(Relaxed));
        faults
            .fault
            .filter(|_| is_recent(faults.latest[THRESHOLD - 1]) && !is_told_otherwise)
    }

    fn lock(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: Verdict = Verdict::Fault(ClientFault::WrongToken);
    const KEY: Verdict = Verdict::Fault(ClientFault::OtherPublicKey);
    const CAPABILITY: Verdict = Verdict::Fault(ClientFault::MissingCapability);

    /// A client after these requests, and the moment of second 0.
    fn client(requests: impl IntoIterator<Item = (u64, Kind, Verdict)>) -> (Client, Instant) {
        let client = Client::default();
        let start = client.start;
        for (second, kind, verdict) in requests {
            client.note(kind, verdict, start + Duration::from_secs(second));
        }
        (client, start)
    }

    fn run(verdicts: &[(u64, Verdict)], at: u64) -> Option<ClientFault> {
        let votes = verdicts.iter().map(|(second, verdict)| (*second, Kind::Vote, *verdict));
        let (client, start) = client(votes);
        let complaint = client.complaint(start + Duration::from_secs(at))?;
        let kinds: &[Kind] = if complaint.fault == ClientFault::WrongToken {
            &[]
        } else {
            &[Kind::Vote]
        };
        assert_eq!(complaint.kinds, kinds);
        Some(complaint.fault)
    }

    #[test]
    fn three_of_a_kind_within_a_minute_and_nothing_else() {
        assert_eq!(run(&[(0, TOKEN), (1, TOKEN)], 2), None);
        assert_eq!(
            run(&[(0, TOKEN), (1, TOKEN), (2, TOKEN)], 3),
            Some(ClientFault::WrongToken)
        );
        assert_eq!(run(&[(0, TOKEN), (1, TOKEN), (2, KEY)], 3), None);
        assert_eq!(run(&[(0, TOKEN), (1, TOKEN), (2, TOKEN), (3, Verdict::Other)], 4), None);
    }

    #[test]
    fn what_is_older_than_a_minute_does_not_count() {
        assert_eq!(run(&[(0, TOKEN), (1, TOKEN), (2, TOKEN)], 61), None);
        assert_eq!(run(&[(0, Verdict::Other), (1, KEY), (2, KEY), (3, KEY)], 4), None);
        let faults = [(0, Verdict::Other), (40, KEY), (50, KEY), (59, KEY)];
        assert_eq!(run(&faults, 61), Some(ClientFault::OtherPublicKey));
        let faults = [(0, CAPABILITY), (40, KEY), (50, KEY), (59, KEY)];
        assert_eq!(run(&faults, 59), None, "another fault is another end");
        assert_eq!(run(&faults, 61), Some(ClientFault::OtherPublicKey));
    }

    #[test]
    fn the_moment_it_begins_is_told_once() {
        let (client, now) = client([]);
        let told: Vec<bool> = (0..5).map(|_| client.note(Kind::Vote, TOKEN, now)).collect();
        assert_eq!(told, [false, false, true, false, false]);
    }

    #[test]
    fn a_challenge_that_is_signed_hides_no_vote_that_is_refused() {
        let votes = (0..8).map(|second| (second, Kind::Vote, CAPABILITY));
        let (client, start) = client(votes.chain([(8, Kind::Challenge, Verdict::Other)]));
        let complaint = |client: &Client| client.complaint(start + Duration::from_secs(9));
        let expected = |fault, kinds: &[Kind]| {
            let kinds = kinds.to_vec();
            Some(Complaint { fault, kinds })
        };
        assert_eq!(
            complaint(&client),
            expected(ClientFault::MissingCapability, &[Kind::Vote])
        );
        // Only the worst mistake is reported.
        for _ in 0..3 {
            client.note(Kind::Block, KEY, start + Duration::from_secs(9));
        }
        assert_eq!(
            complaint(&client),
            expected(ClientFault::OtherPublicKey, &[Kind::Block])
        );
    }

    #[test]
    fn somebody_without_the_token_says_nothing_of_a_node_that_has_it() {
        let strangers = (0..9).map(|second| (second, Kind::Block, TOKEN));
        let (client, start) = client(strangers.chain([(3, Kind::Vote, Verdict::Other)]));
        assert_eq!(client.complaint(start + Duration::from_secs(9)), None);
        // They do not hide another mistake either.
        for second in 70..73 {
            client.note(Kind::Vote, KEY, start + Duration::from_secs(second));
            client.note(Kind::Vote, TOKEN, start + Duration::from_secs(second));
        }
        let fault = client
            .complaint(start + Duration::from_secs(73))
            .map(|complaint| complaint.fault);
        assert_eq!(fault, Some(ClientFault::OtherPublicKey));
    }
}
