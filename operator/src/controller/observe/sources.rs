//! Data sources of the operator.

use super::owners::Owners;
use crate::cluster::Cluster;
use crate::cluster::stores::Stores;
use crate::controller::pods::Answers;
use crate::controller::token::Fingerprints;
use crate::model::scope::Scope;
use crate::model::surroundings::Surroundings;

/// Dependencies of the observe step.
#[derive(Clone)]
pub struct Sources {
    pub cluster: Cluster,
    pub stores: Stores,
    pub owners: Owners,
    pub answers: Answers,
    pub fingerprints: Fingerprints,
    pub surroundings: Surroundings,
    pub scope: Scope,
}

impl Sources {
    /// Sources with empty caches.
    pub fn new(cluster: Cluster, stores: Stores, answers: Answers, surroundings: Surroundings, scope: Scope) -> Self {
        Self {
            cluster,
            stores,
            answers,
            surroundings,
            scope,
            owners: Owners::default(),
            fingerprints: Fingerprints::default(),
        }
    }
}
