//! Delays reconciles of a binding that was reconciled recently. A rollout causes many events. If the API server is busy, a
//! reconcile for each would delay bindings that were not reconciled yet.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crds::names::APPROVE_ANNOTATION;
use kube::{Resource, ResourceExt};

use super::backoff::key;

/// The delay as a multiple of the last reconcile's duration: almost nothing if the API server is fast.
const TIMES: u32 = 4;
const LONGEST: Duration = Duration::from_secs(2);

/// A binding that was reconciled within this time counts as changing. A reconcile per minute does not count, so that new events
/// are not delayed.
const IN_MOTION: Duration = Duration::from_secs(10);

/// Until every binding has been reconciled once, bindings without pending work wait for the others. After this time they are
/// reconciled again, but only a few at once. With thousands of them, nothing else would be done.
const FIRST_ROUND: Duration = Duration::from_mins(1);
const AGAIN_AT_A_TIME: usize = 1;

/// The last reconcile of each changing binding, by uid.
#[derive(Clone, Default)]
pub struct Cooldown(Arc<Mutex<Looks>>);

#[derive(Default)]
struct Looks {
    last: HashMap<String, Look>,
    /// Bindings whose reconcile has begun, until all have begun.
    first_round: HashSet<String>,
    first_round_is_over: bool,
    /// Number of running reconciles of bindings without pending work.
    again: usize,
}

/// A reconcile in progress.
pub struct UnderWay {
    rests: Cooldown,
    again: bool,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.rests.looks().again -= usize::from(self.again);
    }
}

struct Look {
    of: State,
    ended: Instant,
    rest: Duration,
    settled: bool,
}

/// The part of a binding's state that a person changes. A reconcile after such a change never waits.
#[derive(PartialEq)]
struct State {
    generation: Option<i64>,
    is_leaving: bool,
    approval: Option<String>,
}

impl Cooldown {
    fn looks(&self) -> MutexGuard<'_, Looks> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a reconcile, given the number of bindings.
    ///
    /// # Errors
    /// The remaining delay of an unchanged binding.
    pub fn begin(&self, binding: &impl Resource, bindings: usize, now: Instant) -> Result<UnderWay, Duration> {
        let mut looks = self.looks();
        let left = looks.left(binding, now);
        if !left.is_zero() {
            return Err(left);
        }
        let again = looks.last.get(&key(binding)).is_some_and(|look| look.settled);
        looks.again += usize::from(again);
        if !looks.first_round_is_over {
            looks.first_round.insert(key(binding));
        }
        if looks.first_round.len() >= bindings {
            looks.first_round_is_over = true;
            looks.first_round = HashSet::new();
        }
        Ok(UnderWay {
            rests: self.clone(),
            again,
        })
    }

    /// Ends a reconcile with its duration, and whether nothing is left to do.
    pub fn end(&self, binding: &impl Resource, took: Duration, settled: bool, now: Instant) {
        let mut looks = self.looks();
        let all = !looks.first_round_is_over;
        looks
            .last
            .retain(|_, look| all || now.saturating_duration_since(look.ended) < IN_MOTION);
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
                settled,
            },
        );
    }
}

impl Looks {
    fn left(&self, binding: &impl Resource, now: Instant) -> Duration {
        let last = self.last.get(&key(binding));
        let Some(look) = last.filter(|look| look.of == state(binding)) else {
            return Duration::ZERO;
        };
        let left = |rest: Duration| (look.ended + rest).saturating_duration_since(now);
        if !look.settled || self.first_round_is_over {
            left(look.rest)
        } else if self.again < AGAIN_AT_A_TIME {
            left(FIRST_ROUND).min(LONGEST)
        } else {
            LONGEST
        }
    }
}

fn state(binding: &impl Resource) -> State {
    State {
        generation: binding.meta().generation,
        is_leaving: binding.meta().deletion_timestamp.is_some(),
        approval: binding.annotations().get(APPROVE_ANNOTATION).cloned(),
    }
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

    /// A state after the first round.
    fn rests() -> Cooldown {
        let rests = Cooldown::default();
        assert!(rests.begin(&binding(1), 1, Instant::now()).is_ok());
        rests
    }

    fn left(rests: &Cooldown, binding: &ConfigMap, now: Instant) -> Option<Duration> {
        rests.begin(binding, 2, now).err()
    }

    /// A second reconcile shortly after the first.
    fn in_motion(took: Duration, now: Instant) -> Cooldown {
        let rests = rests();
        rests.end(&binding(1), took, true, now);
        rests.end(&binding(1), took, true, now);
        rests
    }

    #[test]
    fn rests_as_long_as_the_look_was_costly_and_no_longer_than_a_bound() {
        let now = Instant::now();
        let rests = in_motion(Duration::from_millis(10), now);
        assert_eq!(left(&rests, &binding(1), now), Some(Duration::from_millis(40)));
        assert_eq!(left(&rests, &binding(1), now + Duration::from_millis(40)), None);
        let rests = in_motion(Duration::from_secs(10), now);
        assert_eq!(left(&rests, &binding(1), now), Some(LONGEST));
    }

    #[test]
    fn one_that_is_looked_at_now_and_then_does_not_rest() {
        let (rests, now) = (rests(), Instant::now());
        assert_eq!(left(&rests, &binding(1), now), None);
        rests.end(&binding(1), Duration::from_secs(1), true, now);
        assert_eq!(left(&rests, &binding(1), now), None);
        rests.end(&binding(1), Duration::from_secs(1), true, now + IN_MOTION);
        assert_eq!(left(&rests, &binding(1), now + IN_MOTION), None);
    }

    #[test]
    fn what_a_person_has_changed_deleted_or_approved_does_not_wait() {
        let now = Instant::now();
        let rests = in_motion(Duration::from_secs(1), now);
        assert_eq!(left(&rests, &binding(2), now), None);
        let mut deleted = binding(1);
        deleted.metadata.deletion_timestamp = Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(
            k8s_openapi::jiff::Timestamp::UNIX_EPOCH,
        ));
        assert_eq!(left(&rests, &deleted, now), None);
        let mut approved = binding(1);
        approved
            .annotations_mut()
            .insert(APPROVE_ANNOTATION.to_owned(), "hash".to_owned());
        assert_eq!(left(&rests, &approved, now), None);
    }

    #[test]
    fn whoever_was_looked_at_waits_until_a_look_at_each_has_begun() {
        let (rests, now) = (Cooldown::default(), Instant::now());
        let later = now + FIRST_ROUND;
        assert_eq!(left(&rests, &binding(1), now), None);
        rests.end(&binding(1), Duration::ZERO, true, now);
        assert_eq!(left(&rests, &binding(1), now), Some(LONGEST));
        let again = rests.begin(&binding(1), 2, later);
        assert!(again.is_ok());
        assert_eq!(left(&rests, &binding(1), later), Some(LONGEST), "one at a time");
        drop(again);
        assert_eq!(left(&rests, &binding(1), later), None);
        rests.end(&binding(1), Duration::ZERO, false, now);
        assert_eq!(left(&rests, &binding(1), now), None, "something is left to do");
        rests.end(&binding(1), Duration::ZERO, true, now);
        assert_eq!(left(&rests, &other(), now), None);
        assert_eq!(left(&rests, &binding(1), now), None, "each was looked at");
    }

    #[test]
    fn what_is_in_motion_no_more_is_forgotten() {
        let (rests, now) = (rests(), Instant::now());
        rests.end(&binding(1), Duration::from_millis(1), true, now);
        rests.end(&other(), Duration::from_millis(1), true, now + IN_MOTION);
        assert_eq!(rests.looks().last.len(), 1);
    }
}
