//! The operator's settings.

use crds::WrittenBy;

use super::scope::Scope;
use super::surroundings::Surroundings;

/// The operator's settings, which apply to every binding.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Image of the signer if the binding names none.
    pub signer_image: String,
    /// Allowed prefixes of the signer's image.
    pub allowed_signer_images: Vec<String>,
    pub surroundings: Surroundings,
    pub upgrades: Upgrades,
    /// Whether a pod is tried before running pods are replaced.
    pub try_before_roll: bool,
    /// The scope in which bindings are reconciled.
    pub scope: Scope,
    /// The identity of this operator.
    pub operator: WrittenBy,
}

/// How changes of the operator's own rendering are handled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Upgrades {
    /// Written with the next change of the binding, token rotation or approval.
    #[default]
    Hold,
    /// Written immediately.
    Roll,
}
