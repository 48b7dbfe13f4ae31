//! The duration of the last signatures, from the view of the node, which waits one second for each.

use std::{
    array,
    sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    time::Duration,
};

use serde::Serialize;

/// Number of signatures: as many as the rules of other networks use.
pub const SIGNATURES: usize = 50;
/// How long the node's client waits for an answer before it repeats the request.
pub const CLIENT_LIMIT: Duration = Duration::from_secs(1);
/// Stands for a signature without a key service.
const NONE: u32 = u32::MAX;

/// The last [`SIGNATURES`] signatures. Recording one takes no lock.
#[derive(Debug)]
pub struct Latencies {
    next: AtomicUsize,
    // Microseconds: the total in the upper half, the key service's part in the lower half. 0: no entry.
    last: [AtomicU64; SIGNATURES],
}

impl Default for Latencies {
    fn default() -> Self {
        Self {
            next: AtomicUsize::new(0),
            last: array::from_fn(|_| AtomicU64::new(0)),
        }
    }
}

/// Median and maximum of some signatures, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Spread {
    /// The median.
    pub median_millis: f64,
    /// The maximum.
    pub worst_millis: f64,
}

/// The duration of the last signatures.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Latency {
    /// Their number, at most [`SIGNATURES`].
    pub signatures: usize,
    /// [`CLIENT_LIMIT`].
    pub client_limit_millis: u64,
    /// From the head of the request to its answer.
    pub total: Spread,
    /// The part of the successful attempt at the key service. Absent with a key in this process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backend: Option<Spread>,
    /// The rest: waiting, other attempts, and this program itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub added: Option<Spread>,
}

impl Latencies {
    /// Records a signature with its time since the head of the request, and the key service's part.
    pub fn note(&self, total: Duration, backend: Option<Duration>) {
        // At least 1, because 0 means no entry.
        let total = micros(total).max(1);
        let backend = backend.map_or(NONE, |backend| micros(backend).min(total));
        let index = self.next.fetch_add(1, Relaxed) % SIGNATURES;
        self.last[index].store(u64::from(total) << 32 | u64::from(backend), Relaxed);
    }

    /// The duration of the last signatures. None before the first.
    pub fn latency(&self) -> Option<Latency> {
        let taken: Vec<(u32, Option<u32>)> = self
            .last
            .iter()
            .map(|last| last.load(Relaxed))
            .filter_map(split)
            .collect();
        let of_backend: Vec<(u32, u32)> = taken
            .iter()
            .filter_map(|(total, backend)| Some((*total, (*backend)?)))
            .collect();
        Some(Latency {
            signatures: taken.len(),
            client_limit_millis: u64::try_from(CLIENT_LIMIT.as_millis()).unwrap_or(u64::MAX),
            total: Spread::of(taken.iter().map(|(total, _)| *total))?,
            backend: Spread::of(of_backend.iter().map(|(_, backend)| *backend)),
            added: Spread::of(of_backend.iter().map(|(total, backend)| total - backend)),
        })
    }
}

impl Spread {
    /// The spread of these durations in microseconds. None for an empty list.
    fn of(micros: impl Iterator<Item = u32>) -> Option<Self> {
        let mut micros: Vec<u32> = micros.collect();
        micros.sort_unstable();
        let worst = micros.last()?;
        let median = micros.get((micros.len() - 1) / 2)?;
        Some(Self {
            median_millis: f64::from(*median) / 1e3,
            worst_millis: f64::from(*worst) / 1e3,
        })
    }
}

fn micros(duration: Duration) -> u32 {
    u32::try_from(duration.as_micros()).unwrap_or(NONE).min(NONE - 1)
}

fn split(last: u64) -> Option<(u32, Option<u32>)> {
    let [total, backend] = [last >> 32, last & u64::from(u32::MAX)].map(|half| u32::try_from(half).unwrap_or(NONE));
    (total > 0).then_some((total, (backend != NONE).then_some(backend)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn spread(median_millis: f64, worst_millis: f64) -> Spread {
        Spread {
            median_millis,
            worst_millis,
        }
    }

    #[test]
    fn the_last_fifty_count() {
        let (latencies, ms) = (Latencies::default(), Duration::from_millis);
        assert_eq!(latencies.latency(), None);
        for _ in 0..7 {
            latencies.note(ms(900), Some(ms(800)));
        }
        for took in 1..=50 {
            latencies.note(ms(took), Some(ms(took - 1)));
        }
        let latency = latencies.latency().unwrap();
        assert_eq!((latency.signatures, latency.client_limit_millis), (50, 1000));
        assert_eq!(latency.total, spread(25.0, 50.0));
        assert_eq!(latency.backend, Some(spread(24.0, 49.0)));
        assert_eq!(latency.added, Some(spread(1.0, 1.0)));
    }

    #[test]
    fn a_key_in_this_process_has_one_figure() {
        let latencies = Latencies::default();
        latencies.note(Duration::ZERO, None);
        let latency = latencies.latency().unwrap();
        assert_eq!((latency.signatures, latency.backend, latency.added), (1, None, None));
        assert_eq!(latency.total, spread(0.001, 0.001));
    }

    #[test]
    fn the_key_service_takes_no_longer_than_the_whole() {
        let latencies = Latencies::default();
        latencies.note(Duration::from_millis(3), Some(Duration::from_secs(9)));
        let latency = latencies.latency().unwrap();
        assert_eq!(
            (latency.backend, latency.added),
            (Some(spread(3.0, 3.0)), Some(spread(0.0, 0.0)))
        );
    }
}
