//! The results of calls to the key service, by spell.

use std::time::Duration;

use signer::backend::Cause;

use super::random::Random;

/// The result of one call, after some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    Sign,
    SignWrongly,
    Fail(Cause),
    Panic,
    Hang,
}

/// The kind of results in one spell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// Signs within 50 ms.
    Calm,
    /// Signs, each time after at most this many milliseconds.
    Slow(u64),
    /// Fails, each time after at most this many milliseconds.
    Failing(Cause, u64),
    /// Answers nothing.
    Silent,
    /// Returns invalid signatures.
    Wrong,
    /// The service's library panics.
    Panicking,
    /// Any of these, for each call.
    Mixed,
}

/// A mood, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Spell {
    pub length: Duration,
    pub mood: Mood,
}

const CAUSES: [Cause; 14] = [
    Cause::Io,
    Cause::Check,
    Cause::Credentials,
    Cause::InvalidArgument,
    Cause::FailedPrecondition,
    Cause::NotFound,
    Cause::PermissionDenied,
    Cause::Unauthenticated,
    Cause::ResourceExhausted,
    Cause::Aborted,
    Cause::DeadlineExceeded,
    Cause::Internal,
    Cause::Unavailable,
    Cause::Other,
];

impl Spell {
    pub fn draw(random: &mut Random) -> Self {
        let mood = match random.between(0..=9) {
            0 | 1 => Mood::Silent,
            2 => Mood::Slow(random.pick(&[100, 500, 1_500, 4_000, 9_000, 20_000])),
            3 | 4 => Mood::Failing(random.pick(&CAUSES), random.pick(&[5, 400, 3_000])),
            5 => Mood::Failing(Cause::ResourceExhausted, 20),
            6 => Mood::pick(random),
            7 => Mood::Calm,
            _ => Mood::Mixed,
        };
        let length = random.milliseconds(200..=9_000);
        Self { length, mood }
    }
}

impl Mood {
    fn pick(random: &mut Random) -> Self {
        random.pick(&[Self::Wrong, Self::Panicking])
    }

    /// The result of the next call, and its time.
    pub fn act(self, random: &mut Random) -> (Duration, Act) {
        match self {
            Self::Calm => (random.milliseconds(1..=50), Act::Sign),
            Self::Slow(most) => (random.milliseconds(1..=most), Act::Sign),
            Self::Failing(cause, most) => (random.milliseconds(1..=most), Act::Fail(cause)),
            Self::Silent => (Duration::ZERO, Act::Hang),
            Self::Wrong => (random.milliseconds(1..=50), Act::SignWrongly),
            Self::Panicking => (random.milliseconds(1..=50), Act::Panic),
            Self::Mixed => match random.between(0..=9) {
                0 | 1 => Self::Silent,
                2 | 3 => Self::Failing(random.pick(&CAUSES), 600),
                4 => Self::pick(random),
                5 => Self::Slow(3_000),
                _ => Self::Calm,
            }
            .act(random),
        }
    }
}
