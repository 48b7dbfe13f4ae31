//! Periodic checks of the Secrets, which may not be watched. If the watches have reported nothing since the last reconcile, only
//! the Secrets are checked once a minute, without reading their values.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::model::binding::BindingRef;
use crate::model::observed::SecretVersions;

/// How often a changed token is looked for.
pub const LOOK_AGAIN: Duration = Duration::from_mins(1);

/// How often everything is checked, in case a watch has missed an event.
const EVERYTHING: Duration = Duration::from_mins(10);

/// The result of each binding's last reconcile, and whether the watches have reported anything since.
#[derive(Clone, Default)]
pub struct Resyncs(Arc<Mutex<HashMap<BindingRef, Entry>>>);

#[derive(Default)]
struct Entry {
    is_dirty: bool,
    /// The binding's version in the last watch event.
    version: Option<String>,
    last: Option<LastLook>,
}

/// The state after a reconcile that left nothing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastLook {
    /// Its version, because the watch will also report the operator's own write of the status.
    pub version: Option<String>,
    pub secrets: SecretVersions,
    looked: Instant,
    asked: Instant,
}

/// The objects that a reconcile must read.
#[derive(Debug, PartialEq, Eq)]
pub enum Resync {
    Full,
    /// Only whether the Secrets are unchanged.
    SecretsOnly(LastLook),
    /// Nothing for this long.
    None(Duration),
}

impl LastLook {
    /// Everything was checked just now.
    pub fn new(version: Option<String>, secrets: SecretVersions, now: Instant) -> Self {
        Self {
            version,
            secrets,
            looked: now,
            asked: now,
        }
    }

    /// The Secrets are unchanged.
    #[must_use]
    pub fn still(self, now: Instant) -> Self {
        Self { asked: now, ..self }
    }
}

impl Resyncs {
    fn entries(&self) -> MutexGuard<'_, HashMap<BindingRef, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records that a watch has reported something about these bindings, and returns them.
    pub fn mark_dirty(&self, bindings: Vec<BindingRef>) -> Vec<BindingRef> {
        let mut entries = self.entries();
        for binding in &bindings {
            if let Some(entry) = entries.get_mut(binding) {
                entry.is_dirty = true;
            }
        }
        bindings
    }

    /// A watch was restarted and does not report deletions that it missed.
    pub fn mark_all_dirty(&self) {
        for entry in self.entries().values_mut() {
            entry.is_dirty = true;
        }
    }

    /// Records that the binding exists, in this version.
    pub fn is(&self, binding: &BindingRef, version: Option<String>) {
        self.entries().entry(binding.clone()).or_default().version = version;
    }

    /// Begins a reconcile. Forgets the result of the last one, unless its time is not over.
    pub fn begin(&self, binding: &BindingRef, now: Instant) -> Resync {
        let mut entries = self.entries();
        let Some(entry) = entries.get_mut(binding) else {
            return Resync::Full;
        };
        let Entry {
            is_dirty,
            version,
            last,
        } = std::mem::take(entry);
        let Some(last) = last else {
            return Resync::Full;
        };
        let is_another = version.is_some() && version != last.version;
        if is_dirty || is_another || now.saturating_duration_since(last.looked) >= EVERYTHING {
            return Resync::Full;
        }
        let left = (last.asked + LOOK_AGAIN).saturating_duration_since(now);
        if left.is_zero() {
            return Resync::SecretsOnly(last);
        }
        entry.last = Some(last);
        Resync::None(left)
    }

    /// Ends a reconcile. Events during it still count.
    pub fn end(&self, binding: &BindingRef, last: LastLook) {
        if let Some(entry) = self.entries().get_mut(binding) {
            entry.last = Some(last);
        }
    }

    /// The binding no longer exists.
    pub fn forget(&self, binding: &BindingRef) {
        self.entries().remove(binding);
    }

    /// Keeps the entries of these bindings. A restarted watch does not report deletions that it missed.
    pub fn retain(&self, exists: impl Fn(&BindingRef) -> bool) {
        self.entries().retain(|binding, _| exists(binding));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn binding() -> BindingRef {
        BindingRef::new("voter").within("ns")
    }

    fn last(now: Instant) -> LastLook {
        LastLook::new(Some("2".to_owned()), [("token".to_owned(), None)].into(), now)
    }

    fn after_a_look(now: Instant) -> Resyncs {
        let resyncs = Resyncs::default();
        resyncs.is(&binding(), Some("2".to_owned()));
        resyncs.end(&binding(), last(now));
        resyncs
    }

    #[test]
    fn secrets_alone_are_asked_for_once_a_minute_while_nothing_is_told() {
        let now = Instant::now();
        let resyncs = after_a_look(now);
        assert_eq!(resyncs.begin(&binding(), now), Resync::None(LOOK_AGAIN));
        assert_eq!(resyncs.begin(&binding(), now), Resync::None(LOOK_AGAIN));
        let later = now + LOOK_AGAIN;
        assert_eq!(resyncs.begin(&binding(), later), Resync::SecretsOnly(last(now)));
        assert_eq!(resyncs.begin(&binding(), later), Resync::Full, "they changed");
        resyncs.end(&binding(), last(now).still(later));
        assert_eq!(resyncs.begin(&binding(), later), Resync::None(LOOK_AGAIN));
    }

    #[test]
    fn everything_is_looked_at_once_told_also_in_the_middle_of_a_look() {
        let now = Instant::now();
        let resyncs = after_a_look(now);
        resyncs.mark_dirty(vec![binding()]);
        assert_eq!(resyncs.begin(&binding(), now), Resync::Full);
        resyncs.mark_all_dirty();
        resyncs.end(&binding(), last(now));
        assert_eq!(resyncs.begin(&binding(), now), Resync::Full);
    }

    #[test]
    fn what_the_operator_wrote_itself_is_no_news() {
        let now = Instant::now();
        let resyncs = after_a_look(now);
        resyncs.is(&binding(), Some("2".to_owned()));
        assert_eq!(resyncs.begin(&binding(), now), Resync::None(LOOK_AGAIN));
        resyncs.is(&binding(), Some("3".to_owned()));
        assert_eq!(resyncs.begin(&binding(), now), Resync::Full);
    }

    #[test]
    fn everything_is_looked_at_now_and_then() {
        let now = Instant::now();
        assert_eq!(Resyncs::default().begin(&binding(), now), Resync::Full);
        assert_eq!(after_a_look(now).begin(&binding(), now + EVERYTHING), Resync::Full);
        let resyncs = after_a_look(now);
        resyncs.forget(&binding());
        assert_eq!(resyncs.begin(&binding(), now), Resync::Full);
        let resyncs = after_a_look(now);
        resyncs.retain(|_| true);
        assert_eq!(resyncs.begin(&binding(), now), Resync::None(LOOK_AGAIN));
        resyncs.retain(|_| false);
        assert!(resyncs.entries().is_empty());
    }
}
