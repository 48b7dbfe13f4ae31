//! Limits how often a write is repeated after another client has undone it, and gives the message at the limit.
//!
//! One limit is how often this operator's rendering replaces another one for the same desired state. Spec and token determine the
//! rendering, so repeated replacement means that another program writes a different one, such as an operator of another version.
//! Each replacement restarts pods.

use std::time::Instant;

use crds::conditions::reasons;

use super::writer::Writer;
use crate::controller::ledger::PutBack;
use crate::model::deployment::LiveDeployment;
use crate::model::observed::Observed;
use crate::model::reason::Reason;
use crate::model::rendered::Rendered;
use crate::template::hash::token_part;

/// A write that replaces another rendering with this operator's. A removed signer is not a rendering: it is restored each time.
pub struct Rewrite {
    uid: String,
    wish: String,
}

impl Rewrite {
    /// None if the write replaces no rendering.
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

    /// Whether another write is allowed.
    ///
    /// # Errors
    /// The message at the limit.
    pub fn is_left(&self, writer: &Writer, live: &LiveDeployment) -> Result<(), Reason> {
        if writer.ledger.may_rewrite(&self.uid, &self.wish) {
            return Ok(());
        }
        Err(Reason::new(
            reasons::CONTESTED,
            format!(
                "Another client keeps replacing the signer that this operator injects: the operator restored it 5 times within an hour for the same spec and token, and has stopped. Find out who writes the annotation signer.atto.cash/hash, such as an operator of another version, or a rollback: kubectl get deployment {} --namespace {} -o yaml --show-managed-fields",
                live.name(),
                live.namespace()
            ),
        ))
    }

    /// Counts a successful write.
    pub fn is_made(&self, writer: &Writer) {
        writer.ledger.rewrote(&self.uid, &self.wish);
    }
}

/// Whether a changed or removed injection may be restored now. Each restoration replaces pods, so a program that removes it
/// repeatedly would keep the voter from running. Restoration never stops for good, because the voter would then run without its
/// signer.
///
/// # Errors
/// The message while it waits.
pub fn signer_may_be_put_back(writer: &Writer, live: &LiveDeployment, rendered: &Rendered) -> Result<(), Reason> {
    let ledger = &writer.ledger;
    if ledger.may_put_back(live.uid(), PutBack::Signer, &rendered.hash, Instant::now()) {
        return Ok(());
    }
    // A manager that removes a field owns nothing, so it cannot be named.
    Err(Reason::new(
        reasons::CONTESTED,
        format!(
            "Deployment {}: another client keeps changing or removing the injected signer. The operator restored it 5 times within an hour, and now restores it after pauses that grow to 10 minutes. Find the program (Events DriftRepaired show when, the audit log of the API server shows who) and stop it. The guard of the chart (guard.enabled) rejects such writes to a running Deployment",
            live.name()
        ),
    ))
}

/// The message for another object that another client keeps changing.
pub fn undone(what: &str) -> Reason {
    Reason::new(
        reasons::CONTESTED,
        format!(
            "Another client keeps undoing {what}: the operator restored it 5 times within an hour, and now restores it after pauses that grow to 10 minutes. Find out who writes it (kubectl get with -o yaml --show-managed-fields), or which program deletes it"
        ),
    )
}
