//! Facts about the operator's cluster, for the commands that a condition prints.

use crate::gke::Project;

/// Facts about the cluster, as far as they could be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// The Google Cloud project.
    pub project: Project,
    /// The issuer of the ServiceAccount tokens.
    pub issuer: Option<String>,
    /// The token audiences that the API server accepts.
    pub audiences: Vec<String>,
}
