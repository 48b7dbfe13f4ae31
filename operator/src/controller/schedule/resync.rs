//! What no watch tells of: the Secrets, which nobody may watch. Where the watches have told of nothing since the last look, they
//! alone are asked for, once a minute, and not their values.

use crate::model::binding::Binding;
use crate::model::observed::SecretVersions;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A changed token is seen when it is looked for.
pub const LOOK_AGAIN: Duration = Duration::from_mins(1);

/// Everything is looked at after so long all the same: a watch may be wrong.
const EVERYTHING: Duration = Duration::from_mins(10);

/// What the last look at each binding left behind, and what the watches have told of since.
#[derive(Clone, Default)]
pub struct Unwatched(Arc<Mutex<HashMap<Binding, Entry>>>);

#[derive(Default)]
struct Entry {
    told: bool,
    /// The version of the binding that its watch brought last.
    version: Option<String>,
    settled: Option<Settled>,
}

/// How a look leaves a binding for which nothing remains to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// Its version: the watch will tell of the operator's own write of its status.
    pub version: Option<String>,
    pub secrets: SecretVersions,
    looked: Instant,
    asked: Instant,
}

/// What a look has to ask for.
#[derive(Debug, PartialEq, Eq)]
pub enum Due {
    Everything,
    /// Whether the Secrets are still those that were read.
    Secrets(Settled),
    /// Nothing for so long.
    Nothing(Duration),
}

impl Settled {
    /// Everything was looked at from now on.
    pub fn new(version: Option<String>, secrets: SecretVersions, now: Instant) -> Self {
        Self {
            version,
            secrets,
            looked: now,
            asked: now,
        }
    }

    /// The Secrets were found as they had been.
    #[must_use]
    pub fn still(self, now: Instant) -> Self {
        Self { asked: now, ..self }
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
            if let Some(entry) = entries.get_mut(binding) {
                entry.told = true;
            }
        }
        bindings
    }

    /// A watch has begun anew: of what has gone meanwhile it will not tell.
    pub fn told_of_all(&self) {
        for entry in self.entries().values_mut() {
            entry.told = true;
        }
    }

    /// The binding is there, and of this version.
    pub fn is(&self, binding: &Binding, version: Option<String>) {
        self.entries().entry(binding.clone()).or_default().version = version;
    }

    /// Begins a look. What the last one left is forgotten, unless it still has time.
    pub fn begin(&self, binding: &Binding, now: Instant) -> Due {
        let mut entries = self.entries();
        let Some(entry) = entries.get_mut(binding) else {
            return Due::Everything;
        };
        let Entry { told, version, settled } = std::mem::take(entry);
        let Some(settled) = settled else {
            return Due::Everything;
        };
        let is_another = version.is_some() && version != settled.version;
        if told || is_another || now.saturating_duration_since(settled.looked) >= EVERYTHING {
            return Due::Everything;
        }
        let left = (settled.asked + LOOK_AGAIN).saturating_duration_since(now);
        if left.is_zero() {
            return Due::Secrets(settled);
        }
        entry.settled = Some(settled);
        Due::Nothing(left)
    }

    /// A look has ended. What was told of while it went on still counts.
    pub fn settle(&self, binding: &Binding, settled: Settled) {
        if let Some(entry) = self.entries().get_mut(binding) {
            entry.settled = Some(settled);
        }
    }

    /// The binding is gone.
    pub fn forget(&self, binding: &Binding) {
        self.entries().remove(binding);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn binding() -> Binding {
        Binding::new("voter").within("ns")
    }

    fn settled(now: Instant) -> Settled {
        Settled::new(Some("2".to_owned()), [("token".to_owned(), None)].into(), now)
    }

    fn after_a_look(now: Instant) -> Unwatched {
        let unwatched = Unwatched::default();
        unwatched.is(&binding(), Some("2".to_owned()));
        unwatched.settle(&binding(), settled(now));
        unwatched
    }

    #[test]
    fn secrets_alone_are_asked_for_once_a_minute_while_nothing_is_told() {
        let now = Instant::now();
        let unwatched = after_a_look(now);
        assert_eq!(unwatched.begin(&binding(), now), Due::Nothing(LOOK_AGAIN));
        assert_eq!(unwatched.begin(&binding(), now), Due::Nothing(LOOK_AGAIN));
        let later = now + LOOK_AGAIN;
        assert_eq!(unwatched.begin(&binding(), later), Due::Secrets(settled(now)));
        assert_eq!(unwatched.begin(&binding(), later), Due::Everything, "they changed");
        unwatched.settle(&binding(), settled(now).still(later));
        assert_eq!(unwatched.begin(&binding(), later), Due::Nothing(LOOK_AGAIN));
    }

    #[test]
    fn everything_is_looked_at_once_told_also_in_the_middle_of_a_look() {
        let now = Instant::now();
        let unwatched = after_a_look(now);
        unwatched.told(vec![binding()]);
        assert_eq!(unwatched.begin(&binding(), now), Due::Everything);
        unwatched.told_of_all();
        unwatched.settle(&binding(), settled(now));
        assert_eq!(unwatched.begin(&binding(), now), Due::Everything);
    }

    #[test]
    fn what_the_operator_wrote_itself_is_no_news() {
        let now = Instant::now();
        let unwatched = after_a_look(now);
        unwatched.is(&binding(), Some("2".to_owned()));
        assert_eq!(unwatched.begin(&binding(), now), Due::Nothing(LOOK_AGAIN));
        unwatched.is(&binding(), Some("3".to_owned()));
        assert_eq!(unwatched.begin(&binding(), now), Due::Everything);
    }

    #[test]
    fn everything_is_looked_at_now_and_then() {
        let now = Instant::now();
        assert_eq!(Unwatched::default().begin(&binding(), now), Due::Everything);
        assert_eq!(after_a_look(now).begin(&binding(), now + EVERYTHING), Due::Everything);
        let unwatched = after_a_look(now);
        unwatched.forget(&binding());
        assert_eq!(unwatched.begin(&binding(), now), Due::Everything);
    }
}
