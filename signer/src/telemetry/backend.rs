//! Judges whether a remote backend signs, from its signatures alone.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::backend::{Cause, Fault};

/// Consecutive failures after which the backend counts as down.
const MAX_FAILURES: u32 = 5;
/// The backend counts as down if a call runs longer than this and no call has succeeded since it began.
const MAX_SILENCE: Duration = Duration::from_secs(8);
/// Time between two log lines about a quota.
const TELL: Duration = Duration::from_mins(1);

/// The state of a remote backend. Down until the first signature.
#[derive(Debug)]
pub struct BackendHealth(Mutex<State>);

#[derive(Debug)]
struct State {
    success: Option<Instant>,
    failures: u32,
    // Stays true until a signature arrives: a readable public key proves nothing.
    is_down: bool,
    fault: Option<Fault>,
    quota_told: Option<Instant>,
    next: u64,
    outstanding: BTreeMap<u64, Instant>,
}

impl Default for BackendHealth {
    fn default() -> Self {
        Self(Mutex::new(State {
            success: None,
            failures: 0,
            is_down: true,
            fault: None,
            quota_told: None,
            next: 0,
            outstanding: BTreeMap::new(),
        }))
    }
}

impl BackendHealth {
    /// Records that a signature is requested now.
    pub fn begin(self: &Arc<Self>, now: Instant) -> Outstanding {
        let mut state = self.lock();
        let id = state.next;
        state.next += 1;
        state.outstanding.insert(id, now);
        Outstanding {
            health: self.clone(),
            id,
            start: now,
        }
    }

    /// Records a failure of a precondition, before a signature was requested.
    pub fn fail(&self, fault: Fault) {
        self.lock().fail(fault, Instant::now());
    }

    /// Whether it signs, as far as is known now.
    pub fn is_up(&self, now: Instant) -> bool {
        let mut state = self.lock();
        // The oldest call that began after the last signature. An older one may hang while others succeed.
        let mut starts = state.outstanding.values();
        let oldest = starts.find(|start| state.is_silent_since(**start));
        let is_silent = oldest.is_some_and(|start| now.duration_since(*start) >= MAX_SILENCE);
        if is_silent && (!state.is_down || state.fault.is_none()) {
            let text = format!("no answer within {} s, and no signature since", MAX_SILENCE.as_secs());
            state.fault = Some(Fault::new(Cause::Timeout, text));
            state.go_down();
        }
        !state.is_down
    }

    /// When the last signature arrived.
    pub fn last_success(&self) -> Option<Instant> {
        self.lock().success
    }

    /// The last failure since the last signature.
    pub fn fault(&self) -> Option<Fault> {
        self.lock().fault.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_silent_since(&self, start: Instant) -> bool {
        self.success.is_none_or(|success| success < start)
    }

    fn fail(&mut self, fault: Fault, now: Instant) {
        if fault.cause == Cause::ResourceExhausted {
            self.exhaust(fault, now);
            return;
        }
        self.failures = self.failures.saturating_add(1);
        self.fault = Some(fault);
        if self.failures >= MAX_FAILURES {
            self.go_down();
        }
    }

    /// An exhausted quota is not an outage, however often it occurs: the backend answers, and will sign again.
    fn exhaust(&mut self, fault: Fault, now: Instant) {
        if self.quota_told.is_none_or(|told| now.duration_since(told) >= TELL) {
            self.quota_told = Some(now);
            tracing::warn!(
                "the key service refuses signatures because of its quota ({fault}): they are answered with 429, and each \
                is tried again once a second; raise the quota if this persists"
            );
        }
        // While it is down, the earlier reason counts.
        if !self.is_down || self.fault.is_none() {
            self.fault = Some(fault);
        }
    }

    fn go_down(&mut self) {
        if !std::mem::replace(&mut self.is_down, true) {
            let cause = self.fault.as_ref().map(ToString::to_string).unwrap_or_default();
            tracing::error!(
                "the backend is DOWN ({cause}): requests for signatures are answered with 429 until it is UP"
            );
        }
    }
}

/// A running call. If it is dropped without a result, it was cancelled for another one, or its task panicked.
#[derive(Debug)]
pub struct Outstanding {
    health: Arc<BackendHealth>,
    id: u64,
    start: Instant,
}

impl Outstanding {
    /// How the call ended.
    pub fn end(self, result: Result<(), Fault>, now: Instant) {
        let mut state = self.health.lock();
        match result {
            Ok(()) => {
                state.success = Some(now);
                state.failures = 0;
                state.fault = None;
                if std::mem::take(&mut state.is_down) {
                    tracing::info!("the backend is UP");
                }
            }
            Err(fault) => {
                // A client may limit a part of a call to less, which is a failure like any other.
                let took = now.duration_since(self.start);
                let is_silent =
                    fault.cause == Cause::Timeout && took >= MAX_SILENCE && state.is_silent_since(self.start);
                state.fail(fault, now);
                if is_silent {
                    state.go_down();
                }
            }
        }
    }
}

impl Drop for Outstanding {
    fn drop(&mut self) {
        let mut state = self.health.lock();
        state.outstanding.remove(&self.id);
        if std::thread::panicking() {
            let fault = Fault::new(Cause::Other, "a call ended in a defect of the signer");
            state.fail(fault, Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(cause: Cause) -> Result<(), Fault> {
        Err(Fault::new(cause, "scripted"))
    }

    fn second(start: Instant, second: u64) -> Instant {
        start + Duration::from_secs(second)
    }

    #[test]
    fn five_failures_in_a_row_are_down_and_one_signature_is_up() {
        let (health, now) = (Arc::<BackendHealth>::default(), Instant::now());
        assert!(!health.is_up(now), "nothing is proven yet");
        health.begin(now).end(Ok(()), now);
        for _ in 0..4 {
            health.begin(now).end(fault(Cause::Io), now);
            assert!(health.is_up(now));
        }
        health.begin(now).end(fault(Cause::Io), now);
        assert!(!health.is_up(now));
        assert_eq!(health.fault().map(|fault| fault.cause), Some(Cause::Io));
        health.begin(now).end(Ok(()), now);
        assert!(health.is_up(now));
        assert_eq!(health.fault(), None);
    }

    #[test]
    fn a_call_outstanding_for_eight_seconds_is_down_unless_another_one_succeeded() {
        let (health, start) = (Arc::<BackendHealth>::default(), Instant::now());
        health.begin(start).end(Ok(()), start);
        let hanging = health.begin(second(start, 1));
        assert!(health.is_up(second(start, 8)));
        health.begin(second(start, 2)).end(Ok(()), second(start, 3));
        assert!(health.is_up(second(start, 9)));
        drop(hanging);
        let hanging = health.begin(second(start, 10));
        assert!(!health.is_up(second(start, 18)));
        hanging.end(fault(Cause::Timeout), second(start, 20));
        assert!(!health.is_up(second(start, 21)), "that it was given up proves nothing");
    }

    #[test]
    fn a_silence_after_a_signature_is_seen_beside_a_call_that_hung_before_it() {
        let (health, start) = (Arc::<BackendHealth>::default(), Instant::now());
        let _before = health.begin(start);
        health.begin(start).end(Ok(()), second(start, 1));
        let _after = health.begin(second(start, 2));
        assert!(health.is_up(second(start, 9)));
        assert!(!health.is_up(second(start, 10)));
    }

    #[test]
    fn silence_is_a_cause_as_well() {
        let (health, start) = (Arc::<BackendHealth>::default(), Instant::now());
        health.begin(start).end(Ok(()), start);
        let _hanging = health.begin(second(start, 1));
        assert_eq!(health.fault(), None);
        assert!(!health.is_up(second(start, 9)));
        assert_eq!(
            health.fault().map(|fault| fault.to_string()).as_deref(),
            Some("TIMEOUT: no answer within 8 s, and no signature since")
        );
    }

    /// A client may limit a part of a call, such as the connection, to less.
    #[test]
    fn a_call_that_was_limited_to_less_than_eight_seconds_is_one_failure() {
        let (health, start) = (Arc::<BackendHealth>::default(), Instant::now());
        health.begin(start).end(Ok(()), start);
        for begun in 1..5 {
            health
                .begin(second(start, begun))
                .end(fault(Cause::Timeout), second(start, begun + 3));
            assert!(health.is_up(second(start, begun + 3)), "{begun} failures");
        }
        health
            .begin(second(start, 5))
            .end(fault(Cause::Timeout), second(start, 8));
        assert!(!health.is_up(second(start, 8)), "five in a row");
        health.begin(second(start, 9)).end(Ok(()), second(start, 9));
        health
            .begin(second(start, 10))
            .end(fault(Cause::Timeout), second(start, 18));
        assert!(!health.is_up(second(start, 18)), "that one was silent for long enough");
    }

    #[test]
    fn a_used_up_quota_is_shown_and_is_no_outage() {
        let (health, now) = (Arc::<BackendHealth>::default(), Instant::now());
        health.begin(now).end(Ok(()), now);
        for _ in 0..100 {
            health.begin(now).end(fault(Cause::ResourceExhausted), now);
        }
        assert!(health.is_up(now));
        assert_eq!(health.fault().map(|fault| fault.cause), Some(Cause::ResourceExhausted));
        for _ in 0..MAX_FAILURES {
            health.begin(now).end(fault(Cause::Unavailable), now);
        }
        health.begin(now).end(fault(Cause::ResourceExhausted), now);
        assert!(!health.is_up(now), "that it answers so is no signature");
        assert_eq!(health.fault().map(|fault| fault.cause), Some(Cause::Unavailable));
    }

    #[test]
    fn a_call_that_a_panic_drops_has_failed() {
        let (health, now) = (Arc::<BackendHealth>::default(), Instant::now());
        health.begin(now).end(Ok(()), now);
        for _ in 0..MAX_FAILURES {
            let outstanding = health.begin(now);
            let panicked = std::thread::spawn(move || {
                let _outstanding = outstanding;
                panic!("scripted");
            });
            assert!(panicked.join().is_err());
        }
        assert!(!health.is_up(now));
        assert_eq!(health.fault().map(|fault| fault.cause), Some(Cause::Other));
    }
}
