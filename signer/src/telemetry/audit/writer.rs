use std::{
    io,
    sync::PoisonError,
    time::{Duration, Instant},
};

use super::{
    buffer::{BATCH, Shared, State},
    ledger::{Ledger, Sums, Taken},
    sink::Sink,
};

/// How long the first line of a batch waits for others.
const GATHER: Duration = Duration::from_millis(100);
/// The period of a line about votes, or about requests without the token.
const MINUTE: Duration = Duration::from_mins(1);

/// Writes until the trail is closed.
pub fn run(shared: &Shared, mut sink: Sink) {
    let mut ledger = Ledger::default();
    let mut minute = Instant::now();
    let mut is_failing = false;
    loop {
        let (taken, is_last) = take(shared, &mut minute);
        let batch = ledger.batch(&taken);
        if !batch.is_empty() {
            let result = sink.write(&batch);
            match result {
                Ok(()) => ledger.settle(),
                Err(_) => shared.dropped.inc_by(ledger.fail()),
            }
            tell(&sink, &result, &mut is_failing);
        }
        if is_last {
            shared.lock().is_done = true;
            shared.changed.notify_all();
            return;
        }
    }
}

/// Logs a failure once when it begins and once when it ends.
fn tell(sink: &Sink, result: &io::Result<()>, is_failing: &mut bool) {
    match result {
        Err(error) if !*is_failing => tracing::error!(
            "{sink} cannot be written ({error}): audit lines are dropped and counted until it can. Signing continues"
        ),
        Ok(()) if *is_failing => tracing::info!("{sink} can be written again"),
        _ => {}
    }
    *is_failing = result.is_err();
}

/// Waits for lines, or for the end of a minute with its sums. Returns whether the trail is closed.
fn take(shared: &Shared, minute: &mut Instant) -> (Taken, bool) {
    let is_quiet = |state: &mut State| state.count == 0 && !state.is_closed;
    let left = MINUTE.saturating_sub(minute.elapsed());
    let waited = shared.changed.wait_timeout_while(shared.lock(), left, is_quiet);
    let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
    let is_small = |state: &mut State| state.count > 0 && state.lines.len() < BATCH && !state.is_closed;
    let waited = shared.changed.wait_timeout_while(state, GATHER, is_small);
    let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
    let is_last = state.is_closed;
    let mut taken = Taken {
        lines: std::mem::take(&mut state.lines),
        count: std::mem::take(&mut state.count) as u64,
        missing: std::mem::take(&mut state.missing),
        sums: Sums::default(),
    };
    drop(state);
    if is_last || minute.elapsed() >= MINUTE {
        *minute = Instant::now();
        taken.sums = shared.sums();
    }
    (taken, is_last)
}
