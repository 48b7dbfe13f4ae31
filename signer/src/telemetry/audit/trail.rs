use std::{
    io,
    sync::{Arc, PoisonError, atomic::Ordering::AcqRel},
    thread,
    time::Duration,
};

use prometheus::IntCounter;

use super::{
    buffer::Shared,
    config::{AuditConfig, AuditMode},
    decision::Decision,
    line::Line,
    sink::Sink,
    writer,
};
use crate::{
    protocol::Kind,
    telemetry::{health::Identity, labels::Outcome},
};

/// How long the end of the program waits for lines that nobody takes.
const CLOSE_LIMIT: Duration = Duration::from_secs(1);

/// The trail. Clones write the same one.
#[derive(Clone, Debug)]
pub struct Audit {
    mode: AuditMode,
    shared: Arc<Shared>,
}

/// The thread that writes; reports its end, a panic included.
struct Writer(Arc<Shared>);

impl Drop for Writer {
    fn drop(&mut self) {
        self.0.ended.notify_one();
    }
}

impl Audit {
    /// Starts to write what these settings ask for; lines that are lost are counted in `dropped`.
    ///
    /// # Errors
    /// The file cannot be written, or the thread cannot be made.
    pub fn start(config: &AuditConfig, dropped: IntCounter) -> io::Result<Self> {
        let audit = Self {
            mode: config.mode,
            shared: Arc::new(Shared::new(dropped)),
        };
        if audit.is_on() {
            let sink = Sink::open(config.file.as_deref())?;
            let writer = Writer(audit.shared.clone());
            thread::Builder::new()
                .name("audit".to_owned())
                .spawn(move || writer::run(&writer.0, sink))?;
        }
        Ok(audit)
    }

    /// Whether anybody writes it.
    pub fn is_on(&self) -> bool {
        self.mode != AuditMode::Off
    }

    /// Waits until nobody writes any more, which is not before [`Audit::close`].
    pub async fn ended(self) {
        if self.is_on() {
            self.shared.ended.notified().await;
        } else {
            std::future::pending::<()>().await;
        }
    }

    /// Signing begins, with this key.
    pub fn begin(&self, identity: &Identity) {
        if self.is_on() {
            self.shared.push(&Line::start(identity));
        }
    }

    /// A signing request ended.
    pub fn note(&self, decision: &Decision<'_>) {
        let is_summed_up = self.mode == AuditMode::Decisions && decision.kind == Kind::Vote;
        if is_summed_up {
            self.shared.votes.count(decision);
        }
        if self.is_on() && !(is_summed_up && decision.outcome == Outcome::Signed) {
            // Not under the lock: other requests would wait for the digits.
            self.shared.push(&Line::decision(decision));
        }
    }

    /// A signing request had no token or another one, so anybody may have sent it: the first of a minute is a line, and the rest are
    /// summed up, whatever the mode. Else they would wash away the lines of what was signed.
    pub fn note_unauthorized(&self) {
        if self.is_on() && self.shared.unauthorized.fetch_add(1, AcqRel) == 0 {
            self.shared.push(&Line::unauthorized(1));
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
                "{} audit lines were not written within a second and are lost",
                state.count
            );
        }
    }
}
