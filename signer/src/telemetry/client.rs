//! Whether everything that the client asks for is refused for one reason: the signer is up then, and useless.

use std::time::{Duration, Instant};

const WINDOW: Duration = Duration::from_mins(1);
const THRESHOLD: usize = 3;

/// What a client does wrong in all it asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientFault {
    /// It has another token.
    WrongToken,
    /// It asks for signatures by another key.
    OtherPublicKey,
    /// It asks for kinds that are not allowed.
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

    /// What to do about it.
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::WrongToken => "give the node the value of ATTO_SIGNER_TOKEN as its ATTO_SIGNER_REMOTE_TOKEN",
            Self::OtherPublicKey => "restart the node, or point it at the signer that holds its key",
            Self::MissingCapability => "add the capability to ATTO_SIGNER_CAPABILITIES if the node may have it",
        }
    }
}

/// How one signing request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Refused for something that will be wrong again.
    Fault(ClientFault),
    /// In any other way, signed among them.
    Other,
}

/// The latest signing requests, as far as they matter: the last three of those that ended alike, and when one last ended
/// otherwise.
#[derive(Debug)]
pub struct Run {
    verdict: Verdict,
    latest: [Option<Instant>; THRESHOLD],
    otherwise: Option<Instant>,
}

impl Default for Run {
    fn default() -> Self {
        Self {
            verdict: Verdict::Other,
            latest: [None; THRESHOLD],
            otherwise: None,
        }
    }
}

impl Run {
    /// Takes note of a request. Says whether that completes a fault: the moment to log it.
    pub fn note(&mut self, verdict: Verdict, now: Instant) -> bool {
        let before = self.fault(now);
        if verdict != self.verdict {
            self.otherwise = self.latest[0].or(self.otherwise);
            self.latest = [None; THRESHOLD];
            self.verdict = verdict;
        }
        self.latest.rotate_right(1);
        self.latest[0] = Some(now);
        before.is_none() && self.fault(now).is_some()
    }

    /// The fault, if at least three requests of the last minute, and no other, ended with it.
    pub fn fault(&self, now: Instant) -> Option<ClientFault> {
        let Verdict::Fault(fault) = self.verdict else {
            return None;
        };
        let is_recent = |moment: Option<Instant>| moment.is_some_and(|moment| now.duration_since(moment) < WINDOW);
        (is_recent(self.latest[THRESHOLD - 1]) && !is_recent(self.otherwise)).then_some(fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: Verdict = Verdict::Fault(ClientFault::WrongToken);
    const KEY: Verdict = Verdict::Fault(ClientFault::OtherPublicKey);

    fn run(verdicts: &[(u64, Verdict)], at: u64) -> Option<ClientFault> {
        let start = Instant::now();
        let mut run = Run::default();
        for (second, verdict) in verdicts {
            run.note(*verdict, start + Duration::from_secs(*second));
        }
        run.fault(start + Duration::from_secs(at))
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
    }

    #[test]
    fn the_moment_it_begins_is_told_once() {
        let now = Instant::now();
        let mut run = Run::default();
        let told: Vec<bool> = (0..5).map(|_| run.note(TOKEN, now)).collect();
        assert_eq!(told, [false, false, true, false, false]);
    }
}
