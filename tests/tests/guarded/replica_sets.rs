//! Records every ReplicaSet of a namespace that had to start pods, even if it was deleted soon after.

use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Result, bail, ensure};
use futures::StreamExt as _;
use k8s_openapi::api::apps::v1::ReplicaSet;
use kube::Api;
use kube::api::{DynamicObject, ListParams, WatchEvent, WatchParams};
use kube::discovery::ApiResource;
use serde_json::{Value, json};
use tests::eventually;
use tests::operated::{Place, SOON};
use tokio::task::JoinHandle;

/// The last ReplicaSet. Once it is seen, all earlier ones were seen too.
const MARKER: &str = "marker";

pub struct Watched {
    seen: Arc<Mutex<Vec<Value>>>,
    task: JoinHandle<Result<()>>,
}

impl Watched {
    /// Begins to watch.
    pub async fn begin(place: &Place) -> Result<Self> {
        let kind = ApiResource::erase::<ReplicaSet>(&());
        let api: Api<DynamicObject> = Api::namespaced_with(place.client.clone(), &place.namespace, &kind);
        let list = api.list(&ListParams::default()).await?;
        let now = list.metadata.resource_version.unwrap_or_default();
        // Their status may still change, which starts no pods.
        let running = list
            .items
            .into_iter()
            .map(serde_json::to_value)
            .collect::<Result<Vec<_>, _>>()?;
        let seen = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            let parameters = WatchParams::default().timeout(290);
            let mut events = pin!(api.watch(&parameters, &now).await?);
            while let Some(event) = events.next().await {
                match event? {
                    WatchEvent::Added(object) | WatchEvent::Modified(object) => {
                        let object = serde_json::to_value(object)?;
                        if running.iter().any(|before| is_as_before(&object, before)) {
                            continue;
                        }
                        sink.lock().unwrap_or_else(PoisonError::into_inner).push(object);
                    }
                    WatchEvent::Error(error) => bail!("the watch of ReplicaSets: {error:?}"),
                    WatchEvent::Deleted(_) | WatchEvent::Bookmark(_) => {}
                }
            }
            bail!("the watch of ReplicaSets ended")
        });
        Ok(Self { seen, task })
    }

    /// The templates of the ReplicaSets that had to start pods so far.
    pub async fn started(self, place: &Place) -> Result<Vec<Value>> {
        place.apply(&marker()).await?;
        eventually(SOON, "the last ReplicaSet", async || {
            if self.task.is_finished() {
                bail!("the watch of ReplicaSets has ended");
            }
            ensure!(
                self.seen().iter().any(|each| each["metadata"]["name"] == MARKER),
                "not seen"
            );
            Ok(())
        })
        .await?;
        self.task.abort();
        let started = self.seen().into_iter().filter(|each| each["spec"]["replicas"] != 0);
        Ok(started.map(|mut each| each["spec"]["template"].take()).collect())
    }

    fn seen(&self) -> Vec<Value> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Whether it already had pods of this template.
fn is_as_before(now: &Value, before: &Value) -> bool {
    let same = |pointer: &str| now.pointer(pointer) == before.pointer(pointer);
    before["spec"]["replicas"] != 0 && same("/metadata/uid") && same("/spec/template")
}

fn marker() -> Value {
    let labels = json!({"app": MARKER});
    json!({
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {"name": MARKER},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": MARKER, "image": "registry.example/marker:1"}]},
            },
        },
    })
}
