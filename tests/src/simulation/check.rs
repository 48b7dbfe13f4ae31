//! The properties that must hold in every schedule.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use data_encoding::HEXUPPER;
use ed25519_dalek::Signature;
use tokio::time::Instant;

use super::health_check;
use super::instance::DEADLINE;
use super::kms::Called;
use super::node::{Asked, Heard};
use super::world::Seen;
use crate::node_client::Failure;

/// The timers' clock counts milliseconds, and rounds up.
const ROUNDING: Duration = Duration::from_millis(2);
/// Maximum number of hashes at the key service, and of attempts for one of them.
const HASHES: usize = 100;
const ALIVE: usize = 3;

pub fn check(seen: &Seen) -> Result<()> {
    for asked in &seen.asked {
        answer(seen, asked)?;
    }
    one_signature_each(seen)?;
    calls(seen)?;
    nothing_is_lost(seen)?;
    trail(seen)?;
    health_check::check(seen)
}

/// A final answer in time. Only a request without a valid token may get a terminal status.
fn answer(seen: &Seen, asked: &Asked) -> Result<()> {
    let took = asked.until - asked.at;
    let what = || {
        format!(
            "asked {} ms after the start: {:?} after {took:?}",
            seen.millisecond(asked.at),
            asked.heard
        )
    };
    ensure!(took <= DEADLINE + ROUNDING, "late: {}", what());
    let accepted = seen.accepts(asked.at, asked.token);
    match asked.heard {
        Heard::Signature(_) | Heard::Status(429) => ensure!(accepted != Some(false), "without a token: {}", what()),
        Heard::Status(401) => ensure!(accepted != Some(true), "with a token: {}", what()),
        Heard::Nothing(Failure::Refused) => {
            let mut closed = seen.closed.iter();
            ensure!(
                closed.any(|(from, to)| (*from..=*to).contains(&asked.at)),
                "while it is open: {}",
                what()
            );
        }
        Heard::Nonsense | Heard::Status(_) | Heard::Nothing(_) => bail!("{}", what()),
    }
    Ok(())
}

/// All requests for a hash have the same, valid signature.
fn one_signature_each(seen: &Seen) -> Result<()> {
    let mut signatures: HashMap<&[u8], [u8; 64]> = HashMap::new();
    for asked in &seen.asked {
        if let Heard::Signature(signature) = asked.heard {
            let first = *signatures.entry(&asked.hash).or_insert(signature);
            ensure!(
                first == signature,
                "two signatures for {}",
                HEXUPPER.encode(&asked.hash)
            );
            seen.key
                .verify_strict(&asked.hash, &Signature::from_bytes(&signature))?;
        }
    }
    Ok(())
}

/// Each hash is sent at most as often as promised, and never after it is signed.
fn calls(seen: &Seen) -> Result<()> {
    let mut by_hash: HashMap<(usize, &[u8]), Vec<&Called>> = HashMap::new();
    for call in seen.calls.iter().filter(|call| call.is_for_a_node()) {
        by_hash.entry((call.instance, &call.bytes)).or_default().push(call);
    }
    for ((_, hash), calls) in &by_hash {
        let times: Vec<u64> = calls.iter().map(|call| seen.millisecond(call.began)).collect();
        let what = || format!("{} was sent at {times:?} ms", HEXUPPER.encode(hash));
        for (first, from) in times.iter().enumerate() {
            for (last, to) in times.iter().enumerate().skip(first) {
                let calls = u64::try_from(last - first + 1)?;
                ensure!(calls <= 6 + (to - from) / 1_000, "too often: {}", what());
            }
        }
        for call in calls {
            let alive = calls.iter().filter(|other| other.is_alive_at(call.began)).count();
            ensure!(alive <= ALIVE, "{alive} at once: {}", what());
        }
        if let Some(signed) = calls.iter().filter_map(|call| call.signed_at()).min() {
            let late = calls.iter().any(|call| call.began > signed);
            ensure!(!late, "signed at {} ms: {}", seen.millisecond(signed), what());
        }
    }
    at_most_so_many(seen)
}

fn at_most_so_many(seen: &Seen) -> Result<()> {
    // At equal times, ends come before beginnings. So a call that was cancelled when it began would never end here.
    let mut changes: Vec<(Instant, bool, &Called)> = Vec::new();
    let took_time = |call: &&Called| call.ended.is_none_or(|(ended, _)| ended > call.began);
    for call in seen.calls.iter().filter(|call| call.is_for_a_node()).filter(took_time) {
        changes.push((call.began, true, call));
        if let Some((ended, _)) = call.ended {
            changes.push((ended, false, call));
        }
    }
    changes.sort_by_key(|(at, begins, _)| (*at, *begins));
    let mut under_way: HashMap<(usize, &[u8]), usize> = HashMap::new();
    for (at, begins, call) in changes {
        let hash = (call.instance, &*call.bytes);
        if begins {
            *under_way.entry(hash).or_default() += 1;
        } else if let Some(count) = under_way.get_mut(&hash) {
            *count -= 1;
            if *count == 0 {
                under_way.remove(&hash);
            }
        }
        ensure!(
            under_way.len() <= HASHES,
            "{} hashes at once after {} ms",
            under_way.len(),
            seen.millisecond(at)
        );
    }
    Ok(())
}

/// All requested signatures are complete, and ended tasks hold nothing.
fn nothing_is_lost(seen: &Seen) -> Result<()> {
    let figures = seen.figures;
    ensure!(seen.unsigned == 0, "{} wishes are not signed at the end", seen.unsigned);
    ensure!(
        figures.at_backend == 0.0 && figures.waiting == 0.0,
        "a place is lost: {figures:?}"
    );
    ensure!(figures.breaker_open == 0.0, "the breaker is open at the end");
    let under_way = f64::from(u32::try_from(figures.under_way)?);
    ensure!(
        (figures.attempts - figures.ended - under_way).abs() < 0.5,
        "attempts are calls and those under way: {figures:?}"
    );
    Ok(())
}

/// Each hash that the key has signed is in the audit trail of its process.
fn trail(seen: &Seen) -> Result<()> {
    for remains in &seen.remains {
        ensure!(
            remains.lost_lines == 0,
            "{} lines of the trail are lost",
            remains.lost_lines
        );
        let hashes = remains.audit.lines().filter_map(|line| {
            let (_, rest) = line.split_once("\"hash\":\"")?;
            rest.split('"').next()
        });
        let written: HashSet<&str> = hashes.collect();
        let of_it = seen.calls.iter().filter(|call| call.instance == remains.number);
        for call in of_it.filter(|call| call.is_for_a_node() && call.signed_at().is_some()) {
            let hash = HEXUPPER.encode(&call.bytes);
            ensure!(
                written.contains(&*hash),
                "{hash} was signed, and its process {} has no line about it",
                remains.number
            );
        }
    }
    Ok(())
}

impl Seen {
    /// Milliseconds since the beginning of this schedule.
    pub fn millisecond(&self, at: Instant) -> u64 {
        u64::try_from((at - self.start).as_millis()).unwrap_or(u64::MAX)
    }

    /// Whether this token is accepted. `None` at the moment of a change.
    fn accepts(&self, at: Instant, token: &str) -> Option<bool> {
        let is_start = at == self.start;
        if !is_start && self.tokens.iter().any(|(since, _)| *since == at) {
            return None;
        }
        let mut until_then = self.tokens.iter().rev().filter(|(since, _)| *since <= at);
        until_then.next().map(|(_, accepted)| accepted.contains(&token))
    }
}
