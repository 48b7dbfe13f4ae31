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

/// How long the program waits at its end for lines that the destination does not accept.
const CLOSE_LIMIT: Duration = Duration::from_secs(1);

/// The trail. Clones write to the same one.
#[derive(Clone, Debug)]
pub struct Audit {
    mode: AuditMode,
    shared: Arc<Shared>,
}

/// The writer thread. Reports its end, even by a panic.
struct Writer(Arc<Shared>);

impl Drop for Writer {
    fn drop(&mut self) {
        self.0.ended.notify_one();
    }
}

impl Audit {
    /// Starts the trail with these settings. Lost lines are counted in `dropped`.
    ///
    /// # Errors
    /// The file cannot be written, or the thread cannot be created.
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

    /// Whether the trail is written.
    pub fn is_on(&self) -> bool {
        self.mode != AuditMode::Off
    }

    /// Waits for the end of the writer, which follows [`Audit::close`].
    pub async fn ended(self) {
        if self.is_on() {
            self.shared.ended.notified().await;
        } else {
            std::future::pending::<()>().await;
        }
    }

    /// Records the start of signing with this key.
    pub fn begin(&self, identity: &Identity) {
        if self.is_on() {
            self.shared.push(&Line::start(identity));
        }
    }

    /// Records the end of a signing request.
    pub fn note(&self, decision: &Decision<'_>) {
        let is_summed_up = self.mode == AuditMode::Decisions && decision.kind == Kind::Vote;
        if is_summed_up {
            self.shared.votes.count(decision);
        }
        if self.is_on() && !(is_summed_up && decision.outcome == Outcome::Signed) {
            // Formats outside the lock, so that other requests do not wait for it.
            self.shared.push(&Line::decision(decision));
        }
    }

    /// A signing request with a missing or wrong token can come from anyone. The first of a minute is a line, and the rest are
    /// summed up in every mode. Otherwise they would displace the lines about signatures.
    pub fn note_unauthorized(&self) {
        if self.is_on() && self.shared.unauthorized.fetch_add(1, AcqRel) == 0 {
            self.shared.push(&Line::unauthorized(1));
        }
    }

    /// Writes waiting lines and ends. Lines that the destination does not accept within a second are lost.
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
