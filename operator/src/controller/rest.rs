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

/// Until when each binding rests, by its uid.
#[derive(Clone, Default)]
pub struct Rests(Arc<Mutex<HashMap<String, Rest>>>);

struct Rest {
    of: State,
    until: Instant,
}

/// What a person wants of it, which is never left waiting.
type State = (Option<i64>, bool);

impl Rests {
    /// How much is left of the rest of a binding that is what it was.
    pub fn left(&self, binding: &impl Resource, now: Instant) -> Option<Duration> {
        let rests = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let rest = rests.get(&key(binding)).filter(|rest| rest.of == state(binding))?;
        let left = rest.until.saturating_duration_since(now);
        (!left.is_zero()).then_some(left)
    }

    /// It was looked at until now, for so long.
    pub fn begin(&self, binding: &impl Resource, took: Duration, now: Instant) {
        let rest = Rest {
            of: state(binding),
            until: now + took.saturating_mul(TIMES).min(LONGEST),
        };
        let mut rests = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        rests.retain(|_, rest| rest.until > now);
        rests.insert(key(binding), rest);
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

    #[test]
    fn rests_as_long_as_the_look_was_costly_and_no_longer_than_a_bound() {
        let (rests, now) = (Rests::default(), Instant::now());
        assert_eq!(rests.left(&binding(1), now), None);
        rests.begin(&binding(1), Duration::from_millis(10), now);
        assert_eq!(rests.left(&binding(1), now), Some(Duration::from_millis(40)));
        assert_eq!(rests.left(&binding(1), now + Duration::from_millis(40)), None);
        rests.begin(&binding(1), Duration::from_secs(10), now);
        assert_eq!(rests.left(&binding(1), now), Some(LONGEST));
    }

    #[test]
    fn a_binding_that_was_changed_or_is_deleted_does_not_wait() {
        let (rests, now) = (Rests::default(), Instant::now());
        let long = Duration::from_secs(1);
        rests.begin(&binding(1), long, now);
        assert_eq!(rests.left(&binding(2), now), None);
        rests.begin(&binding(2), long, now);
        let mut deleted = binding(2);
        deleted.metadata.deletion_timestamp = Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(
            k8s_openapi::jiff::Timestamp::UNIX_EPOCH,
        ));
        assert_eq!(rests.left(&deleted, now), None);
    }

    #[test]
    fn what_has_rested_is_forgotten() {
        let (rests, now) = (Rests::default(), Instant::now());
        rests.begin(&binding(1), Duration::from_millis(1), now);
        let mut other = binding(1);
        other.metadata.uid = Some("other".to_owned());
        rests.begin(&other, Duration::from_millis(1), now + LONGEST);
        assert_eq!(rests.0.lock().unwrap_or_else(PoisonError::into_inner).len(), 1);
    }
}
