//! Watches all Deployments, but stores only the few that are held.

use crds::names::HELD_ANNOTATION;
use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::apps::v1::Deployment;
use kube::ResourceExt;
use kube::api::PartialObjectMeta;
use kube::runtime::reflector::store::Writer;
use kube::runtime::reflector::{self, Store};
use kube::runtime::watcher::Event;

use super::{Events, Watches, config};

type Metadata = PartialObjectMeta<Deployment>;

/// Watches all Deployments, and stores those that are held.
pub fn watch(watches: &Watches) -> (Store<Metadata>, Events<Metadata>) {
    let (store, writer) = reflector::store();
    let events = watches.metadata::<Deployment>(&config());
    (store, events.inspect_ok(keep_held(writer)).boxed())
}

fn keep_held(mut writer: Writer<Metadata>) -> impl FnMut(&Event<Metadata>) {
    move |event| {
        if let Some(event) = of_held(event) {
            writer.apply_watcher_event(&event);
        }
    }
}

/// An event of a Deployment that is no longer held becomes its deletion.
fn of_held(event: &Event<Metadata>) -> Option<Event<Metadata>> {
    let is_held = |deployment: &Metadata| deployment.annotations().contains_key(HELD_ANNOTATION);
    match event {
        Event::Apply(deployment) if !is_held(deployment) => Some(Event::Delete(deployment.clone())),
        Event::InitApply(deployment) if !is_held(deployment) => None,
        event => Some(event.clone()),
    }
}

#[cfg(test)]
mod tests {
    use kube::runtime::reflector;
    use serde_json::json;

    use super::*;

    #[test]
    fn keeps_those_with_the_annotation_as_long_as_they_have_it() {
        let deployment = |name: &str, annotations: &serde_json::Value| -> Metadata {
            let object = json!({"metadata": {"name": name, "namespace": "atto", "annotations": annotations}});
            serde_json::from_value(object).unwrap()
        };
        let held = json!({"signer.atto.cash/held": "voter"});
        let (store, writer) = reflector::store();
        let mut keep = keep_held(writer);
        let names = || {
            let mut names: Vec<_> = store.state().iter().map(|held| held.name_any()).collect();
            names.sort_unstable();
            names
        };
        keep(&Event::Init);
        keep(&Event::InitApply(deployment("a", &held)));
        keep(&Event::InitApply(deployment("b", &json!({}))));
        keep(&Event::InitDone);
        assert_eq!(names(), ["a"]);
        keep(&Event::Apply(deployment("c", &held)));
        assert_eq!(names(), ["a", "c"]);
        keep(&Event::Apply(deployment("a", &json!({}))));
        keep(&Event::Delete(deployment("c", &held)));
        assert!(names().is_empty());
    }
}
