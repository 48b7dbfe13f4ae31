//! When a binding is reconciled again.

pub mod backoff;
pub mod cooldown;
pub mod held;
pub mod resync;

use self::backoff::Backoff;
use self::cooldown::Cooldown;
use self::resync::Resyncs;

/// When each binding is reconciled again: after a failure, after a recent reconcile, and periodically for changes that
/// no watch reports.
#[derive(Clone, Default)]
pub struct Schedule {
    pub backoff: Backoff,
    pub cooldown: Cooldown,
    pub resync: Resyncs,
}
