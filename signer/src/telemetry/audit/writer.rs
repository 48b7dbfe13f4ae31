use std::{
    io,
    sync::PoisonError,
    time::{Duration, Instant},
};

use super::{
    buffer::{BATCH, Shared, State},
    line::Line,
    sink::Sink,
};

/// How long the first line of a batch waits for others.
const GATHER: Duration = Duration::from_millis(100);
/// What one line about votes covers.
const MINUTE: Duration = Duration::from_mins(1);

struct Batch {
    lines: Vec<u8>,
    count: usize,
    missing: u64,
    is_last: bool,
}

/// Writes until the trail is closed.
pub fn run(shared: &Shared, mut sink: Sink) {
    let mut minute = Instant::now();
    let mut is_failing = false;
    loop {
        let batch = take(shared, &mut minute);
        if !batch.lines.is_empty() {
            let result = sink.write(&batch.lines);
            if result.is_err() {
                let mut state = shared.lock();
                state.missing += batch.missing;
                shared.drop_lines(&mut state, batch.count);
            }
            tell(&sink, &result, &mut is_failing);
        }
        if batch.is_last {
            shared.lock().is_done = true;
            shared.changed.notify_all();
            return;
        }
    }
}

/// Once when it begins and once when it ends.
fn tell(sink: &Sink, result: &io::Result<()>, is_failing: &mut bool) {
    match result {
        Err(error) if !*is_failing => tracing::error!(
            "{sink} cannot be written ({error}): audit lines are dropped and counted until it can; signing goes on"
        ),
        Ok(()) if *is_failing => tracing::info!("{sink} is written again"),
        _ => {}
    }
    *is_failing = result.is_err();
}

/// Waits for lines, or for the end of a minute with votes.
fn take(shared: &Shared, minute: &mut Instant) -> Batch {
    let is_quiet = |state: &mut State| state.count == 0 && !state.is_closed;
    let left = MINUTE.saturating_sub(minute.elapsed());
    let waited = shared.changed.wait_timeout_while(shared.lock(), left, is_quiet);
    let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
    let is_small = |state: &mut State| state.count > 0 && state.lines.len() < BATCH && !state.is_closed;
    let waited = shared.changed.wait_timeout_while(state, GATHER, is_small);
    let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
    let is_last = state.is_closed;
    let mut extra = Vec::new();
    if is_last || minute.elapsed() >= MINUTE {
        *minute = Instant::now();
        let votes = std::mem::take(&mut state.votes);
        if !votes.is_empty() {
            extra.push(Line::votes(&votes));
        }
    }
    let missing = std::mem::take(&mut state.missing);
    if missing > 0 {
        extra.push(Line::missing(missing));
    }
    let mut lines = std::mem::take(&mut state.lines);
    let count = std::mem::take(&mut state.count);
    drop(state);
    for line in extra {
        lines.extend_from_slice(line.as_ref());
    }
    Batch {
        lines,
        count,
        missing,
        is_last,
    }
}
