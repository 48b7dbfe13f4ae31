//! What no watch tells of: the Secrets, which nobody may watch. Where the watches have told of nothing since the last look, they
//! alone are asked for, and not their values.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::apply::rollouts::Binding;

/// Uid and version of each Secret, by name; none where it does not exist.
pub type SecretVersions = BTreeMap<String, Option<(String, String)>>;

/// Everything is looked at after so long all the same: a watch may be wrong.
const EVERYTHING: Duration = Duration::from_mins(10);

/// What the last look at each binding found, and which bindings a watch has told of since.
#[derive(Clone, Default)]
pub struct Unwatched(Arc<Mutex<HashMap<Binding, Entry>>>);

#[derive(Default)]
struct Entry {
    told: bool,
    settled: Option<Settled>,
}

/// A binding that had nothing left to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    pub secrets: SecretVersions,
    /// When everything was looked at.
    since: Instant,
}

impl Settled {
    pub fn new(secrets: SecretVersions, since: Instant) -> Self {
        Self { secrets, since }
    }
}

impl Unwatched {
    fn entries(&self) -> MutexGuard<'_, HashMap<Binding, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A watch has told of something that concerns these bindings, which are given back.
    pub fn told(&self, bindings: Vec<Binding>) -> Vec<Binding> {
        let mut entries = self.entries();
        for binding in &bindings {
            entries.entry(binding.clone()).or_default().told = true;
        }
        bindings
    }

    /// Begins a look. What the last one found is returned, and forgotten, if nothing was told of since: whoever finds it to hold
    /// still says so.
    pub fn begin(&self, binding: &Binding, now: Instant) -> Option<Settled> {
        let Entry { told, settled } = std::mem::take(self.entries().get_mut(binding)?);
        settled.filter(|settled| !told && now.saturating_duration_since(settled.since) < EVERYTHING)
    }

    /// A look has ended with nothing left to do. What was told of while it went on still counts.
    pub fn settle(&self, binding: &Binding, settled: Settled) {
        self.entries().entry(binding.clone()).or_default().settled = Some(settled);
    }

    /// The binding is gone.
    pub fn forget(&self, binding: &Binding) {
        self.entries().remove(binding);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(since: Instant) -> Settled {
        Settled::new([("token".to_owned(), None)].into(), since)
    }

    fn known(binding: &Binding, since: Instant) -> Unwatched {
        let unwatched = Unwatched::default();
        unwatched.settle(binding, settled(since));
        unwatched
    }

    #[test]
    fn secrets_alone_are_asked_for_while_nothing_is_told() {
        let (binding, now) = (Binding::new("voter").within("ns"), Instant::now());
        let unwatched = known(&binding, now);
        assert_eq!(unwatched.begin(&binding, now), Some(settled(now)));
        assert_eq!(unwatched.begin(&binding, now), None, "it was not said to hold still");
    }

    #[test]
    fn everything_is_looked_at_once_told_also_in_the_middle_of_a_look() {
        let (binding, now) = (Binding::new("voter").within("ns"), Instant::now());
        let unwatched = known(&binding, now);
        unwatched.told(vec![binding.clone()]);
        assert_eq!(unwatched.begin(&binding, now), None);
        unwatched.told(vec![binding.clone()]);
        unwatched.settle(&binding, settled(now));
        assert_eq!(unwatched.begin(&binding, now), None);
    }

    #[test]
    fn everything_is_looked_at_now_and_then() {
        let (binding, now) = (Binding::new("voter").within("ns"), Instant::now());
        assert_eq!(
            Unwatched::default().begin(&binding, now),
            None,
            "it was never looked at"
        );
        assert_eq!(known(&binding, now).begin(&binding, now + EVERYTHING), None);
        let unwatched = known(&binding, now);
        unwatched.forget(&binding);
        assert_eq!(unwatched.begin(&binding, now), None);
    }
}
