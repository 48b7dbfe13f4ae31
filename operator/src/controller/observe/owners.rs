//! Whose pod it is. Labels are anybody's; the chain of owners ends in the Deployment's uid or it is not its pod.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use k8s_openapi::api::apps::v1::ReplicaSet;
use k8s_openapi::api::core::v1::Pod;
use kube::api::Api;
use kube::{Resource, ResourceExt};

use crate::cluster::{Cluster, deadline};
use crate::model::deployment::LiveDeployment;
use crate::model::error::Error;

/// More than any cluster has at a time; then all are looked up anew.
const MOST: usize = 20_000;

/// The uid of the Deployment by that of its ReplicaSet, which never changes.
#[derive(Clone, Default)]
pub struct Owners(Arc<Mutex<HashMap<String, String>>>);

impl Owners {
    /// Whether the pod belongs to the Deployment.
    pub async fn is_owned(&self, cluster: &Cluster, pod: &Pod, live: &LiveDeployment) -> Result<bool, Error> {
        let Some(replica_set) = controller(pod, "ReplicaSet") else {
            return Ok(false);
        };
        if let Some(known) = self.known(replica_set.uid) {
            return Ok(known == live.uid());
        }
        let api: Api<ReplicaSet> = Api::namespaced(cluster.client(), live.namespace());
        let found = deadline("get the ReplicaSet", api.get_metadata_opt(replica_set.name)).await?;
        let owner = found
            .filter(|found| found.uid().as_deref() == Some(replica_set.uid))
            .and_then(|found| controller(&found, "Deployment").map(|owner| owner.uid.to_owned()));
        let Some(owner) = owner else { return Ok(false) };
        let is_its = owner == live.uid();
        self.learn(replica_set.uid, owner);
        Ok(is_its)
    }

    fn known(&self, replica_set: &str) -> Option<String> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(replica_set).cloned()
    }

    fn learn(&self, replica_set: &str, deployment: String) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(replica_set.to_owned(), deployment);
    }
}

struct Owner<'a> {
    name: &'a str,
    uid: &'a str,
}

fn controller<'a>(object: &'a impl Resource, kind: &str) -> Option<Owner<'a>> {
    let owners = object.meta().owner_references.as_ref()?;
    owners
        .iter()
        .find(|owner| owner.controller == Some(true) && owner.kind == kind)
        .map(|owner| Owner {
            name: &owner.name,
            uid: &owner.uid,
        })
}
