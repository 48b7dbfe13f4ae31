//! What is read from.

use super::owners::Owners;
use crate::cluster::Cluster;
use crate::cluster::stores::Stores;
use crate::controller::pods::Answers;
use crate::controller::token::Fingerprints;
use crate::gke::Project;
use crate::model::scope::Scope;

/// All that observe sees.
#[derive(Clone)]
pub struct Sources {
    pub cluster: Cluster,
    pub stores: Stores,
    pub owners: Owners,
    pub answers: Answers,
    pub fingerprints: Fingerprints,
    /// The Google Cloud project of the cluster, for the commands that a condition prints.
    pub project: Project,
    pub scope: Scope,
}

impl Sources {
    /// Nothing is remembered yet.
    pub fn new(cluster: Cluster, stores: Stores, answers: Answers, project: Project, scope: Scope) -> Self {
        Self {
            cluster,
            stores,
            answers,
            project,
            scope,
            owners: Owners::default(),
            fingerprints: Fingerprints::default(),
        }
    }
}
