//! Thousands of random schedules: the signer between nodes and a key service, with delays, failures, silences, wrong signatures,
//! panics, disconnecting clients, changes of tokens and restarts. A seed determines everything, the clock is simulated, and the
//! promises are compared with the observations.

mod check;
mod health;
mod health_check;
mod instance;
mod kms;
mod life;
mod node;
mod plan;
mod random;
mod weather;
mod world;

use std::fmt::Write;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::process::Directory;
use node::Heard;
pub(crate) use random::Random;
use world::Seen;

/// The variable for a seed to repeat and print.
pub const SEED: &str = "SIMULATION_SEED";

/// The summary of many schedules.
#[derive(Clone, Copy, Debug, Default)]
pub struct Summary {
    pub schedules: u64,
    pub asked: usize,
    pub signed: usize,
    pub calls: usize,
    pub hung_up: usize,
    pub processes: usize,
    pub simulated: Duration,
}

/// Runs the schedules of these seeds, or of the one in the environment.
///
/// # Errors
/// A promise is broken: names the seed, and how to repeat it.
pub fn run(seeds: Range<u64>) -> Result<Summary> {
    if let Ok(text) = std::env::var(SEED) {
        let seed = text
            .parse()
            .with_context(|| format!("{SEED}: found {text}, expected a number"))?;
        return replay(seed);
    }
    let (next, found) = (AtomicU64::new(seeds.start), Mutex::new((Summary::default(), None)));
    let folder = Directory::new()?;
    let work = || {
        loop {
            let seed = next.fetch_add(1, SeqCst);
            if seed >= seeds.end {
                return;
            }
            let result = one(seed, folder.path());
            let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
            match result {
                Ok(story) => found.0.add(&story),
                Err(error) => {
                    found.1.get_or_insert(error.context(again(seed)));
                    next.store(seeds.end, SeqCst);
                }
            }
        }
    };
    thread::scope(|scope| {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    match found.into_inner().unwrap_or_else(PoisonError::into_inner) {
        (summary, None) => Ok(summary),
        (_, Some(error)) => Err(error),
    }
}

fn again(seed: u64) -> String {
    format!("schedule {seed} breaks a promise; it happens again, and is told, with {SEED}={seed}")
}

fn replay(seed: u64) -> Result<Summary> {
    let folder = Directory::new()?;
    let story = happen(seed, folder.path())?;
    print!("{}", tell(&story)?);
    check::check(&story).with_context(|| again(seed))?;
    let mut summary = Summary::default();
    summary.add(&story);
    Ok(summary)
}

fn one(seed: u64, folder: &Path) -> Result<Seen> {
    let story = happen(seed, folder)?;
    check::check(&story)?;
    Ok(story)
}

fn happen(seed: u64, folder: &Path) -> Result<Seen> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()?;
    runtime.block_on(world::happen(seed, folder))
}

/// All events, in the order of time.
fn tell(seen: &Seen) -> Result<String> {
    let mut lines = Vec::new();
    let mut begins = Duration::ZERO;
    for spell in &seen.plan.spells {
        lines.push((
            seen.start + begins,
            format!("weather: {:?} for {:?}", spell.mood, spell.length),
        ));
        begins += spell.length;
    }
    lines.push((seen.start + begins, "weather: calm".to_owned()));
    for (from, to) in &seen.closed {
        lines.push((*from, "process: closed".to_owned()));
        lines.push((*to, "process: open".to_owned()));
    }
    for (at, accepted) in &seen.tokens {
        lines.push((*at, format!("tokens: {accepted:?}")));
    }
    for asked in &seen.asked {
        let hash = short(&asked.hash);
        let heard = match &asked.heard {
            Heard::Signature(_) => "a signature".to_owned(),
            other => format!("{other:?}"),
        };
        lines.push((asked.at, format!("node: {hash} with {:?}", asked.token)));
        lines.push((asked.until, format!("node: {hash} hears {heard}")));
    }
    for call in &seen.calls {
        let hash = short(&call.bytes);
        lines.push((call.began, format!("call: {hash} by process {}", call.instance)));
        if let Some((at, end)) = call.ended {
            lines.push((
                at,
                format!("call: {hash} of {} ms: {end:?}", seen.millisecond(call.began)),
            ));
        }
    }
    let mut before = None;
    for sample in &seen.samples {
        let now = (sample.instance, sample.is_up, sample.cause);
        if before.replace(now) != Some(now) {
            let status = if sample.is_up { "UP" } else { "DOWN" };
            let text = format!("health: process {} is {status}, {:?}", sample.instance, sample.cause);
            lines.push((sample.at, text));
        }
    }
    lines.sort_by_key(|(at, _)| *at);
    let mut text = String::new();
    for (at, line) in lines {
        writeln!(text, "{:>6} {line}", seen.millisecond(at))?;
    }
    writeln!(text, "{:?}", seen.figures)?;
    Ok(text)
}

fn short(bytes: &[u8]) -> String {
    data_encoding::HEXUPPER.encode(bytes.get(..4).unwrap_or(bytes))
}

impl Summary {
    fn add(&mut self, seen: &Seen) {
        let is_signed = |asked: &&node::Asked| matches!(asked.heard, Heard::Signature(_));
        self.schedules += 1;
        self.asked += seen.asked.len();
        self.signed += seen.asked.iter().filter(is_signed).count();
        self.calls += seen.calls.len();
        self.hung_up += seen.hung_up;
        self.processes += seen.remains.len();
        self.simulated += seen.end - seen.start;
    }
}
