//! Records every ReplicaSet of a namespace, including deleted ones.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Result, ensure};
use crds::names::{HASH_ANNOTATION, NODE_VARIABLES};
use futures::StreamExt;
use k8s_openapi::api::apps::v1::ReplicaSet;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client, ResourceExt};
use serde_json::Value;
use tokio::task::JoinHandle;

use crate::eventually::{SOON, eventually};

/// The templates of all ReplicaSets that a namespace has had, by uid.
pub struct ReplicaSets {
    templates: Arc<Mutex<BTreeMap<String, Value>>>,
    watch: JoinHandle<()>,
}

impl Drop for ReplicaSets {
    fn drop(&mut self) {
        self.watch.abort();
    }
}

impl ReplicaSets {
    /// Begins to record, after the first list.
    pub async fn of(client: Client, namespace: &str) -> Result<Self> {
        let api: Api<ReplicaSet> = Api::namespaced(client, namespace);
        let templates = Arc::<Mutex<BTreeMap<String, Value>>>::default();
        let (listed, is_listed) = tokio::sync::oneshot::channel();
        let (kept, mut listed) = (templates.clone(), Some(listed));
        let watch = tokio::spawn(async move {
            let mut events = watcher(api, watcher::Config::default()).boxed();
            while let Some(event) = events.next().await {
                match event {
                    Ok(Event::InitDone) => {
                        // The receiver only waits for the first list.
                        let _ = listed.take().map(|listed| listed.send(()));
                    }
                    Ok(Event::Apply(set) | Event::InitApply(set)) => {
                        let uid = set.uid().unwrap_or_default();
                        let template = set.spec.map(|spec| spec.template);
                        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                        kept.insert(uid, serde_json::json!(template));
                    }
                    _ => {}
                }
            }
        });
        is_listed.await?;
        Ok(Self { templates, watch })
    }

    fn templates(&self) -> Vec<Value> {
        let templates = self.templates.lock().unwrap_or_else(PoisonError::into_inner);
        templates.values().cloned().collect()
    }

    /// Their number so far.
    pub fn count(&self) -> usize {
        self.templates().len()
    }

    /// Waits for this number of ReplicaSets.
    pub async fn come_to(&self, count: usize) -> Result<()> {
        eventually(SOON, &format!("{count} ReplicaSets"), async || {
            ensure!(self.count() == count, "{}", self.count());
            Ok(())
        })
        .await
    }

    /// There was at least one, and each had its signer.
    pub async fn are_whole(&self) -> Result<()> {
        eventually(SOON, "a ReplicaSet", async || {
            ensure!(self.count() > 0, "none");
            Ok(())
        })
        .await?;
        self.none_is_bare()
    }

    /// Each had its signer.
    pub fn none_is_bare(&self) -> Result<()> {
        for template in self.templates() {
            ensure!(is_whole(&template), "started without its signer: {template}");
        }
        Ok(())
    }
}

/// Has a native sidecar, the annotation, and a container with the variables for the sidecar.
pub fn is_whole(template: &Value) -> bool {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let is_signer = |container: &Value| container["name"] == "signer" && container["restartPolicy"] == "Always";
    let is_pointed = |container: &Value| {
        let env = list(&container["env"]);
        let of = |name: &str| -> Vec<Value> { env.iter().filter(|entry| entry["name"] == name).cloned().collect() };
        let [backend, url, token] = NODE_VARIABLES.map(of);
        !backend.is_empty()
            && backend.iter().all(|entry| entry["value"] == "REMOTE")
            && !url.is_empty()
            && url.iter().all(|entry| {
                entry["value"]
                    .as_str()
                    .and_then(|url| url.strip_prefix("http://localhost:"))
                    .is_some_and(|port| port.parse::<u16>().is_ok())
            })
            && !token.is_empty()
            && token.iter().all(|entry| entry["valueFrom"]["secretKeyRef"].is_object())
    };
    template["metadata"]["annotations"][HASH_ANNOTATION].is_string()
        && list(&template["spec"]["initContainers"]).iter().any(is_signer)
        && list(&template["spec"]["containers"]).iter().any(is_pointed)
}
