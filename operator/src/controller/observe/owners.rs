//! Finds the Deployment of a pod. Anyone may set labels, so only the chain of owners up to the Deployment's uid proves that it is
//! its pod.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use k8s_openapi::api::apps::v1::ReplicaSet;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::{Api, PartialObjectMeta};
use kube::{Resource, ResourceExt};

use crate::cluster::{Cluster, deadline};
use crate::model::deployment::LiveDeployment;
use crate::model::error::Error;

/// More than any cluster has at a time. Beyond this, all are looked up again.
const MOST: usize = 20_000;

/// How long an owner is remembered. A Deployment may release a ReplicaSet whose labels were changed.
const KEPT: Duration = Duration::from_mins(10);

/// How long the owner is remembered for a pod of another binding with the same key. Each reconcile of either binding
/// needs its owner, and with many such bindings, the API server would be busy with these lookups. A warning may be late
/// by this time.
const STRANGERS_KEPT: Duration = Duration::from_secs(5);

/// The Deployment's uid by its ReplicaSet's uid. It changes if a Deployment is deleted without its pods and another one adopts
/// them. Therefore the memory may confirm an owner, but never deny one.
#[derive(Clone, Default)]
pub struct Owners(Arc<Mutex<HashMap<String, Known>>>);

#[derive(Clone)]
struct Known {
    deployment: String,
    name: String,
    asked: Instant,
}

impl Owners {
    /// Begins the lookups of one reconcile, which reads each ReplicaSet at most once.
    pub fn lookup<'a>(&'a self, cluster: &'a Cluster) -> Lookup<'a> {
        Lookup {
            owners: self,
            cluster,
            asked: HashSet::new(),
        }
    }

    fn known(&self, replica_set: &str) -> Option<Known> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known
            .get(replica_set)
            .filter(|known| known.asked.elapsed() < KEPT)
            .cloned()
    }

    fn learn(&self, replica_set: &str, deployment: Option<&OwnerReference>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.clear();
        }
        match deployment {
            Some(deployment) => {
                let deployment = Known {
                    deployment: deployment.uid.clone(),
                    name: deployment.name.clone(),
                    asked: Instant::now(),
                };
                known.insert(replica_set.to_owned(), deployment);
            }
            None => drop(known.remove(replica_set)),
        }
    }
}

/// The lookups of one reconcile.
pub struct Lookup<'a> {
    owners: &'a Owners,
    cluster: &'a Cluster,
    asked: HashSet<String>,
}

impl Lookup<'_> {
    /// Whether the pod belongs to one of these Deployments.
    pub async fn is_owned(&mut self, pod: &Pod, by: &[&LiveDeployment]) -> Result<bool, Error> {
        let Some(replica_set) = controller(pod).filter(|owner| owner.kind == "ReplicaSet") else {
            return Ok(false);
        };
        let is_one_of_them = |owner: &str| by.iter().any(|live| live.uid() == owner);
        if let Some(known) = self.owners.known(&replica_set.uid)
            && is_one_of_them(&known.deployment)
        {
            return Ok(true);
        }
        if !self.asked.insert(replica_set.uid.clone()) {
            return Ok(false);
        }
        let found = self.replica_set(pod, replica_set).await?;
        Ok(found
            .as_ref()
            .and_then(deployment)
            .is_some_and(|owner| is_one_of_them(&owner.uid)))
    }

    /// The top-level owner of the pod, if it is none of these Deployments: the owner of its ReplicaSet is read. None for a pod
    /// that is being deleted together with its ReplicaSet.
    pub async fn stranger(&self, pod: &Pod, except: &[&LiveDeployment]) -> Result<Option<Owner>, Error> {
        let Some(owner) = controller(pod) else {
            return Ok(Some(Owner {
                kind: "Pod".to_owned(),
                name: pod.name_any(),
            }));
        };
        if owner.kind != "ReplicaSet" {
            return Ok(Some(Owner::of(owner)));
        }
        let is_one_of_them = |uid: &str| except.iter().any(|live| live.uid() == uid);
        if let Some(known) = self.owners.known(&owner.uid) {
            if is_one_of_them(&known.deployment) {
                return Ok(None);
            }
            if known.asked.elapsed() < STRANGERS_KEPT {
                let kind = "Deployment".to_owned();
                return Ok(Some(Owner { kind, name: known.name }));
            }
        }
        let found = self.replica_set(pod, owner).await?;
        Ok(found.and_then(|found| match controller(&found) {
            Some(owner) if is_one_of_them(&owner.uid) => None,
            Some(owner) => Some(Owner::of(owner)),
            None => Some(Owner {
                kind: "ReplicaSet".to_owned(),
                name: found.name_any(),
            }),
        }))
    }

    /// Reads the ReplicaSet, and remembers its owner.
    async fn replica_set(
        &self,
        pod: &Pod,
        reference: &OwnerReference,
    ) -> Result<Option<PartialObjectMeta<ReplicaSet>>, Error> {
        let namespace = pod.namespace().unwrap_or_default();
        let api: Api<ReplicaSet> = Api::namespaced(self.cluster.client(), &namespace);
        let found = deadline("get the ReplicaSet", api.get_metadata_opt(&reference.name)).await?;
        let found = found.filter(|found| found.uid().as_ref() == Some(&reference.uid));
        self.owners.learn(&reference.uid, found.as_ref().and_then(deployment));
        Ok(found)
    }
}

/// The top-level owner of a pod.
pub struct Owner {
    pub kind: String,
    pub name: String,
}

impl Owner {
    fn of(reference: &OwnerReference) -> Self {
        Self {
            kind: reference.kind.clone(),
            name: reference.name.clone(),
        }
    }
}

fn controller(object: &impl Resource) -> Option<&OwnerReference> {
    let owners = object.meta().owner_references.as_ref()?;
    owners.iter().find(|owner| owner.controller == Some(true))
}

/// The Deployment that owns a ReplicaSet.
fn deployment(replica_set: &impl Resource) -> Option<&OwnerReference> {
    controller(replica_set).filter(|owner| owner.kind == "Deployment")
}
