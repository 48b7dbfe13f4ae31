//! How long a binding is left in peace after it was looked at. A rollout tells of itself many times, and where the API server is
//! busy, looking each time keeps it from those that were not looked at yet.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use kube::Resource;

use super::backoff::key;

/// So many times as long as the look took: next to nothing where the API server answers at once.
const TIMES: u32 = 4;
const LONGEST: Duration = Duration::from_secs(2);

/// Whoever was looked at so short a time before is in motion. One look each minute is none, so that what is new is not kept waiting.
const IN_MOTION: Duration = Duration::from_secs(10);

/// Until every binding was looked at once, those that were wait for the others, but no longer than this: their Deployments are
/// injected, and what comes after is only told.
const FIRST_ROUND: Duration = Duration::from_mins(1);

/// The last look at each binding in motion, by its uid.
#[derive(Clone, Default)]
pub struct Rests(Arc<Mutex<Looks>>);

#[derive(Default)]
struct Looks {
    last: HashMap<String, Look>,
    /// Once every binding was looked at.
    first_round_is_over: bool,
}

struct Look {
    of: State,
    ended: Instant,
    rest: Duration,
}

/// What a person wants of it, which is never left waiting.
type State = (Option<i64>, bool);

impl Rests {
    /// How much is left of the rest of a binding that is what it was, where there are so many.
    pub fn left(&self, binding: &impl Resource, bindings: usize, now: Instant) -> Option<Duration> {
        let mut looks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        looks.first_round_is_over |= looks.last.len() >= bindings;
        let look = looks.last.get(&key(binding)).filter(|look| look.of == state(binding))?;
        let left = |rest: Duration| (look.ended + rest).saturating_duration_since(now);
        let left = if looks.first_round_is_over {
            left(look.rest)
        } else {
            left(FIRST_ROUND).min(LONGEST)
        };
        (!left.is_zero()).then_some(left)
    }

    /// It was looked at until now, for so long.
    pub fn begin(&self, binding: &impl Resource, took: Duration, now: Instant) {
        let mut looks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if looks.first_round_is_over {
            looks
                .last
                .retain(|_, look| now.saturating_duration_since(look.ended) < IN_MOTION);
        }
        let rest = match looks.last.get(&key(binding)) {
            Some(_) => took.saturating_mul(TIMES).min(LONGEST),
            None => Duration::ZERO,
        };
        looks.last.insert(
            key(binding),
            Look {
                of: state(binding),
                ended: now,
                rest,
            },
        );
    }
}

fn state(binding: &impl Resource) -> State {
    (binding.meta().generation, binding.meta().deletion_timestamp.is_some())
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ConfigMap;

    use super::*;

    fn binding(generation: i64) -> ConfigMap {
        let mut binding = ConfigMap::default();
        binding.metadata.uid = Some("uid".to_owned());
        binding.metadata.generation = Some(generation);
        binding
    }

    fn other() -> ConfigMap {
        let mut other = binding(1);
        other.metadata.uid = Some("other".to_owned());
        other
    }

    /// The second look within a moment.
    fn in_motion(binding: &ConfigMap, took: Duration, now: Instant) -> Rests {
        let rests = Rests::default();
        rests.begin(binding, took, now);
        rests.left(binding, ONE, now);
        rests.begin(binding, took, now);
        rests
    }

    /// So many that the first round is over with the first of them.
    const ONE: usize = 1;

    #[test]
    fn rests_as_long_as_the_look_was_costly_and_no_longer_than_a_bound() {
        let now = Instant::now();
        let rests = in_motion(&binding(1), Duration::from_millis(10), now);
        assert_eq!(rests.left(&binding(1), ONE, now), Some(Duration::from_millis(40)));
        assert_eq!(rests.left(&binding(1), ONE, now + Duration::from_millis(40)), None);
        let rests = in_motion(&binding(1), Duration::from_secs(10), now);
        assert_eq!(rests.left(&binding(1), ONE, now), Some(LONGEST));
    }

    #[test]
    fn one_that_is_looked_at_now_and_then_does_not_rest() {
        let (rests, now) = (Rests::default(), Instant::now());
        assert_eq!(rests.left(&binding(1), ONE, now), None);
        rests.begin(&binding(1), Duration::from_secs(1), now);
        assert_eq!(rests.left(&binding(1), ONE, now), None);
        rests.begin(&binding(1), Duration::from_secs(1), now + IN_MOTION);
        assert_eq!(rests.left(&binding(1), ONE, now + IN_MOTION), None);
    }

    #[test]
    fn a_binding_that_was_changed_or_is_deleted_does_not_wait() {
        let (now, long) = (Instant::now(), Duration::from_secs(1));
        let rests = in_motion(&binding(1), long, now);
        assert_eq!(rests.left(&binding(2), ONE, now), None);
        let mut deleted = binding(1);
        deleted.metadata.deletion_timestamp = Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(
            k8s_openapi::jiff::Timestamp::UNIX_EPOCH,
        ));
        assert_eq!(rests.left(&deleted, ONE, now), None);
    }

    #[test]
    fn whoever_was_looked_at_waits_for_those_that_were_not() {
        let (rests, now) = (Rests::default(), Instant::now());
        rests.begin(&binding(1), Duration::ZERO, now);
        assert_eq!(rests.left(&binding(1), 2, now), Some(LONGEST));
        assert_eq!(rests.left(&binding(2), 2, now), None, "a person has changed it");
        assert_eq!(rests.left(&other(), 2, now), None);
        assert_eq!(rests.left(&binding(1), 2, now + FIRST_ROUND), None);
        rests.begin(&other(), Duration::ZERO, now);
        assert_eq!(rests.left(&binding(1), 2, now), None);
        assert_eq!(rests.left(&binding(1), 3, now), None, "there is one first round");
    }

    #[test]
    fn what_is_in_motion_no_more_is_forgotten() {
        let (rests, now) = (Rests::default(), Instant::now());
        rests.begin(&binding(1), Duration::from_millis(1), now);
        rests.left(&binding(1), ONE, now);
        rests.begin(&other(), Duration::from_millis(1), now + IN_MOTION);
        assert_eq!(rests.0.lock().unwrap_or_else(PoisonError::into_inner).last.len(), 1);
    }
}
