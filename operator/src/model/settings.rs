//! What the operator was started with.

use crds::WrittenBy;

use super::scope::Scope;
use super::surroundings::Surroundings;

/// What the operator was started with and every binding is measured by.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Image of the signer where the binding names none.
    pub signer_image: String,
    /// What the image of a signer may begin with.
    pub allowed_signer_images: Vec<String>,
    pub surroundings: Surroundings,
    pub upgrades: Upgrades,
    /// Whether a pod is tried before pods that run are replaced.
    pub try_before_roll: bool,
    /// Where bindings are checked.
    pub scope: Scope,
    /// Who it is.
    pub operator: WrittenBy,
}

/// What to do with what the operator itself would write differently from before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Upgrades {
    /// It rides with the next change of the binding, token rotation or approval.
    #[default]
    Hold,
    /// It is written at once.
    Roll,
}
