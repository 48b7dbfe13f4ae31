//! Bounds on how often a write is repeated after another client has undone it, and the message at the bound.
//!
//! One bound is how often this operator's rendering replaces another one for the same desired state. The spec and the token say what is rendered, so
//! more than a few times means that somebody else writes another one, such as an operator of another version, and each time pods
//! would be replaced.

use std::time::Instant;

use crds::conditions::reasons;

use super::writer::Writer;
use crate::controller::ledger::PutBack;
use crate::model::deployment::LiveDeployment;
use crate::model::observed::Observed;
use crate::model::reason::Reason;
use crate::model::rendered::Rendered;
use crate::template::hash::token_part;

/// A write that replaces another rendering with this operator's. A removed signer is no rendering: it is restored each time.
pub struct Rewrite {
    uid: String,
    wish: String,
}

impl Rewrite {
    /// None where the write is none.
    pub fn of(observed: &Observed, live: &LiveDeployment, rendered: &Rendered) -> Option<Self> {
        let is_another = live.injected_hash().is_some_and(|found| found != rendered.hash);
        (is_another && live.owns_signer()).then(|| Self {
            uid: live.uid().to_owned(),
            wish: format!(
                "{}/{}",
                observed.binding.metadata.generation.unwrap_or_default(),
                token_part(&rendered.hash)
            ),
        })
    }

    /// Whether one more is left.
    ///
    /// # Errors
    /// What to tell where none is.
    pub fn is_left(&self, writer: &Writer) -> Result<(), Reason> {
        if writer.ledger.may_rewrite(&self.uid, &self.wish) {
            return Ok(());
        }
        Err(Reason::new(
            reasons::CONTESTED,
            "Another client keeps replacing the signer that this operator injects: the operator restored it 5 times within an hour for the same spec and token, and has stopped. Find out who writes the annotation signer.atto.cash/hash (kubectl get deployment --show-managed-fields): an operator of another version, or a rollback",
        ))
    }

    /// It went through.
    pub fn is_made(&self, writer: &Writer) {
        writer.ledger.rewrote(&self.uid, &self.wish);
    }
}

/// Whether what was injected, and was changed or taken out, is restored now. Each time pods are replaced, so a program that takes it out again and again would
/// keep the voter from ever running; and each time it starts without a signer, so it is never given up.
///
/// # Errors
/// What to tell while it waits.
pub fn signer_may_be_put_back(writer: &Writer, live: &LiveDeployment, rendered: &Rendered) -> Result<(), Reason> {
    let ledger = &writer.ledger;
    if ledger.may_put_back(live.uid(), PutBack::Signer, &rendered.hash, Instant::now()) {
        return Ok(());
    }
    // A manager that takes a field out holds none, so that no manager can be named.
    Err(Reason::new(
        reasons::CONTESTED,
        format!(
            "Deployment {}: another client keeps changing or removing the injected signer. The operator restored it 5 times within an hour, and now restores it after pauses that grow to 10 minutes. Find the program (Events DriftRepaired show when and name the field manager, the audit log of the API server shows who) and stop it. The guard of the chart (guard.enabled) rejects such writes to a running Deployment",
            live.name()
        ),
    ))
}

/// What to report about another object that somebody keeps undoing.
pub fn undone(what: &str) -> Reason {
    Reason::new(
        reasons::CONTESTED,
        format!(
            "Another client keeps undoing {what}: the operator restored it 5 times within an hour, and now restores it after pauses that grow to 10 minutes. Find out who writes it (kubectl get --show-managed-fields), or which program deletes it"
        ),
    )
}
