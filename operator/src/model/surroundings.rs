//! What is known of the cluster that the operator runs in, for the commands that a condition prints.

use crate::gke::Project;

/// What is known of the cluster, as far as it could be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// The Google Cloud project.
    pub project: Project,
    /// Who signs the ServiceAccount tokens.
    pub issuer: Option<String>,
    /// Whom a token may be for that the API server takes.
    pub audiences: Vec<String>,
}
