//! How often one rendering of ours is put in the place of another for the same wish. The spec and the token say what is rendered, so
//! more than a few times means that somebody else writes another one, such as an operator of another version, and each time pods
//! would be replaced.

use crds::conditions::reasons;

use super::writer::Writer;
use crate::model::deployment::LiveDeployment;
use crate::model::observed::Observed;
use crate::model::reason::Reason;
use crate::model::rendered::Rendered;
use crate::template::hash::token_part;

/// A write that puts our rendering in the place of another one. A signer that was taken out is no rendering: it is put back each time.
pub struct Rewrite {
    uid: String,
    wish: String,
}

impl Rewrite {
    /// None where the write is none.
    pub fn of(observed: &Observed, live: &LiveDeployment, rendered: &Rendered) -> Option<Self> {
        let is_another = live.injected_hash().is_some_and(|found| found != rendered.hash);
        (is_another && live.owns_signer()).then(|| Self {
            uid: format!("{}/rewrites", live.uid()),
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
            "somebody keeps putting another rendering of the signer in the place of this operator's: it was replaced 5 times within an hour for the same spec and token, and is left alone now. See who writes the annotation signer.atto.cash/hash (kubectl get deployment --show-managed-fields): an operator of another version, or a rollback",
        ))
    }

    /// It went through.
    pub fn is_made(&self, writer: &Writer) {
        writer.ledger.rewrote(&self.uid, &self.wish);
    }
}
