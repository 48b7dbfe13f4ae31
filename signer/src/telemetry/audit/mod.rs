//! What was decided, line by line: a trail for people who have to answer for a key.
//!
//! Lines wait in a bounded buffer for a thread that writes them. Signing never waits for it: when the buffer is full, lines are
//! dropped, counted, and the trail itself says how many are missing.

mod line;
mod sink;
mod votes;
mod writer;

use std::{
    io,
    path::PathBuf,
    str::FromStr,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use prometheus::IntCounter;

use super::{Identity, Outcome, Reason};
use crate::{
    backend::Effort,
    protocol::{Kind, View},
};

use line::Line;
use sink::Sink;
use votes::Votes;

/// Lines that wait at most.
const CAPACITY: usize = 8192;
/// How long the end of the program waits for lines that nobody takes.
const CLOSE_LIMIT: Duration = Duration::from_secs(1);

/// What is written down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AuditMode {
    /// Every block, challenge, refusal and failure; signed votes as one line a minute.
    #[default]
    Decisions,
    /// Everything.
    All,
    /// Nothing.
    Off,
}

impl AuditMode {
    /// What [`AuditMode::from_str`] takes.
    pub const NAMES: &'static str = "decisions, all or off";
}

impl FromStr for AuditMode {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text.to_ascii_lowercase().as_str() {
            "decisions" => Ok(Self::Decisions),
            "all" => Ok(Self::All),
            "off" => Ok(Self::Off),
            _ => Err(()),
        }
    }
}

/// What is written down, and where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditConfig {
    /// How much.
    pub mode: AuditMode,
    /// Instead of the standard output stream.
    pub file: Option<PathBuf>,
}

/// How a signing request ended.
#[derive(Clone, Copy, Debug)]
pub struct Decision<'a> {
    /// What was asked for.
    pub kind: Kind,
    /// The message, if it could be read.
    pub message: Option<View<'a>>,
    /// What was to be signed, if the message could be read.
    pub hash: Option<&'a [u8]>,
    /// How it ended.
    pub outcome: Outcome,
    /// Why it was not signed.
    pub reason: Option<Reason>,
    /// From the request's head to its answer.
    pub duration: Duration,
    /// What it took.
    pub effort: Effort,
}

/// The trail. Clones write the same one.
#[derive(Clone, Debug)]
pub struct Audit {
    mode: AuditMode,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    dropped: IntCounter,
}

#[derive(Debug, Default)]
struct State {
    lines: Vec<u8>,
    count: usize,
    missing: u64,
    votes: Votes,
    is_closed: bool,
    is_done: bool,
}

impl Audit {
    /// Starts to write what these settings ask for; lines that are lost are counted in `dropped`.
    ///
    /// # Errors
    /// The file cannot be written, or the thread cannot be made.
    pub fn start(config: &AuditConfig, dropped: IntCounter) -> io::Result<Self> {
        let audit = Self {
            mode: config.mode,
            shared: Arc::new(Shared {
                state: Mutex::default(),
                changed: Condvar::new(),
                dropped,
            }),
        };
        if audit.is_on() {
            let sink = Sink::open(config.file.as_deref())?;
            let shared = audit.shared.clone();
            thread::Builder::new()
                .name("audit".to_owned())
                .spawn(move || writer::run(&shared, sink))?;
        }
        Ok(audit)
    }

    /// Whether anybody writes it.
    pub fn is_on(&self) -> bool {
        self.mode != AuditMode::Off
    }

    /// Signing begins, with this key.
    pub fn begin(&self, identity: &Identity) {
        if self.is_on() {
            self.shared.lock().push(&self.shared, &Line::start(identity));
        }
    }

    /// A signing request ended.
    pub fn note(&self, decision: &Decision<'_>) {
        let is_summed_up = self.mode == AuditMode::Decisions && decision.kind == Kind::Vote;
        match self.mode {
            AuditMode::Off => {}
            AuditMode::Decisions if is_summed_up && decision.outcome == Outcome::Signed => {
                let mut state = self.shared.lock();
                state.votes.count(decision);
            }
            AuditMode::Decisions | AuditMode::All => {
                // Not under the lock: other requests would wait for the digits.
                let line = Line::decision(decision);
                let mut state = self.shared.lock();
                if is_summed_up {
                    state.votes.count(decision);
                }
                state.push(&self.shared, &line);
            }
        }
    }

    /// Writes what waits and ends; who does not take it within a second does not get it.
    pub fn close(&self) {
        if !self.is_on() {
            return;
        }
        let mut state = self.shared.lock();
        state.is_closed = true;
        self.shared.changed.notify_all();
        let waited = self
            .shared
            .changed
            .wait_timeout_while(state, CLOSE_LIMIT, |state| !state.is_done);
        let (state, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        if timeout.timed_out() {
            tracing::warn!(
                "{} audit lines were not taken within a second, and are lost",
                state.count
            );
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn drop_lines(&self, state: &mut State, lines: usize) {
        let lines = lines as u64;
        state.missing += lines;
        self.dropped.inc_by(lines);
    }
}

impl State {
    fn push(&mut self, shared: &Shared, line: &Line) {
        if self.count >= CAPACITY {
            shared.drop_lines(self, 1);
            return;
        }
        let before = self.lines.len();
        self.lines.extend_from_slice(line.as_ref());
        self.count += 1;
        // The writer gathers by itself: it is woken for the first line and for a full batch, not for each line.
        if before == 0 || (before < writer::BATCH && self.lines.len() >= writer::BATCH) {
            shared.changed.notify_all();
        }
    }
}

#[cfg(test)]
mod tests;
