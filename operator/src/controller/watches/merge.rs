//! Combines watches of several namespaces into one. A reflector treats every list as complete and drops other objects, so it may
//! get only one list. A later list of one namespace is converted to the events that it implies.

use std::collections::HashMap;

use kube::runtime::watcher::{self, Event};
use kube::{Resource, ResourceExt};

/// The reports of the watches so far.
pub struct Merge<K> {
    sources: Vec<Source<K>>,
    /// Whether the combined list was passed on.
    open: bool,
}

struct Source<K> {
    known: HashMap<String, K>,
    listing: HashMap<String, K>,
    /// Whether the watch has returned its list, or failed to. A namespace that cannot be read does not block the others.
    heard: bool,
}

impl<K: Resource<DynamicType = ()> + Clone> Merge<K> {
    /// The initial state for this many watches.
    pub fn of(sources: usize) -> Self {
        let empty = || Source {
            known: HashMap::new(),
            listing: HashMap::new(),
            heard: false,
        };
        Self {
            sources: std::iter::repeat_with(empty).take(sources).collect(),
            open: false,
        }
    }

    /// Converts an event of one watch to events of the combined one.
    pub fn take(&mut self, index: usize, event: watcher::Result<Event<K>>) -> Vec<Event<K>> {
        let open = self.open;
        let Some(source) = self.sources.get_mut(index) else {
            return vec![];
        };
        let differences = source.take(event);
        if open {
            return differences;
        }
        if !self.sources.iter().all(|source| source.heard) {
            return vec![];
        }
        self.open = true;
        let objects = self.sources.iter().flat_map(|source| source.known.values());
        let listed = objects.map(|object| Event::InitApply(object.clone()));
        [Event::Init]
            .into_iter()
            .chain(listed)
            .chain([Event::InitDone])
            .collect()
    }
}

impl<K: Resource<DynamicType = ()> + Clone> Source<K> {
    fn take(&mut self, event: watcher::Result<Event<K>>) -> Vec<Event<K>> {
        match event {
            Err(_) => self.heard = true,
            Ok(Event::Init) => self.listing.clear(),
            Ok(Event::InitApply(object)) => {
                self.listing.insert(object.name_any(), object);
            }
            Ok(Event::InitDone) => {
                self.heard = true;
                let before = std::mem::replace(&mut self.known, std::mem::take(&mut self.listing));
                return self.differences(before);
            }
            Ok(Event::Apply(object)) => {
                self.known.insert(object.name_any(), object.clone());
                return vec![Event::Apply(object)];
            }
            Ok(Event::Delete(object)) => {
                self.known.remove(&object.name_any());
                return vec![Event::Delete(object)];
            }
        }
        vec![]
    }

    fn differences(&self, before: HashMap<String, K>) -> Vec<Event<K>> {
        let version = |object: &K| object.resource_version();
        let changed = self.known.iter().filter(|(name, object)| {
            let old = before.get(*name);
            old.is_none_or(|old| version(old) != version(object))
        });
        let mut events: Vec<_> = changed.map(|(_, object)| Event::Apply(object.clone())).collect();
        let gone = before.into_iter().filter(|(name, _)| !self.known.contains_key(name));
        events.extend(gone.map(|(_, object)| Event::Delete(object)));
        events
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Service;
    use kube::api::ObjectMeta;
    use kube::runtime::reflector;

    use super::*;

    fn object(namespace: &str, name: &str, version: &str) -> Service {
        Service {
            metadata: ObjectMeta {
                namespace: Some(namespace.to_owned()),
                name: Some(name.to_owned()),
                resource_version: Some(version.to_owned()),
                ..ObjectMeta::default()
            },
            ..Service::default()
        }
    }

    fn list(objects: &[Service]) -> Vec<watcher::Result<Event<Service>>> {
        let listed = objects.iter().cloned().map(Event::InitApply);
        [Event::Init]
            .into_iter()
            .chain(listed)
            .chain([Event::InitDone])
            .map(Ok)
            .collect()
    }

    fn failure() -> watcher::Result<Event<Service>> {
        Err(watcher::Error::NoResourceVersion)
    }

    /// A reflector's view: whether it is ready, and its contents.
    #[derive(Default)]
    struct Seen {
        ready: bool,
        events: usize,
    }

    fn feed(
        merge: &mut Merge<Service>,
        writer: &mut reflector::store::Writer<Service>,
        index: usize,
        events: Vec<watcher::Result<Event<Service>>>,
    ) -> Seen {
        let mut seen = Seen::default();
        for event in events.into_iter().flat_map(|event| merge.take(index, event)) {
            seen.ready |= matches!(event, Event::InitDone);
            seen.events += 1;
            writer.apply_watcher_event(&event);
        }
        seen
    }

    fn held(store: &reflector::Store<Service>) -> Vec<String> {
        let state = store.state();
        let mut held: Vec<_> = state
            .iter()
            .map(|object| {
                format!(
                    "{}/{}:{}",
                    object.namespace().unwrap_or_default(),
                    object.name_any(),
                    object.resource_version().unwrap_or_default()
                )
            })
            .collect();
        held.sort_unstable();
        held
    }

    #[test]
    fn a_further_list_of_one_namespace_takes_nothing_from_another() {
        let (store, mut writer) = reflector::store();
        let mut merge = Merge::of(2);
        let first = feed(
            &mut merge,
            &mut writer,
            0,
            list(&[object("a", "x", "1"), object("a", "y", "1")]),
        );
        assert!(!first.ready, "ready without the second namespace");
        // Changes while waiting for the other watch are not lost.
        feed(
            &mut merge,
            &mut writer,
            0,
            vec![Ok(Event::Apply(object("a", "x", "2")))],
        );
        assert!(feed(&mut merge, &mut writer, 1, list(&[object("b", "x", "1")])).ready);
        assert_eq!(held(&store), ["a/x:2", "a/y:1", "b/x:1"]);

        let again = feed(
            &mut merge,
            &mut writer,
            0,
            list(&[object("a", "x", "2"), object("a", "z", "3")]),
        );
        assert_eq!(again.events, 2, "one is new, one is gone, and one is as it was");
        assert_eq!(held(&store), ["a/x:2", "a/z:3", "b/x:1"]);
        feed(
            &mut merge,
            &mut writer,
            1,
            vec![Ok(Event::Delete(object("b", "x", "4")))],
        );
        assert_eq!(held(&store), ["a/x:2", "a/z:3"]);
    }

    #[test]
    fn a_namespace_that_cannot_be_read_holds_up_no_other() {
        let (store, mut writer) = reflector::store();
        let mut merge = Merge::of(2);
        feed(&mut merge, &mut writer, 0, list(&[object("a", "x", "1")]));
        assert!(feed(&mut merge, &mut writer, 1, vec![failure()]).ready);
        assert_eq!(held(&store), ["a/x:1"]);
        feed(&mut merge, &mut writer, 1, list(&[object("b", "x", "2")]));
        assert_eq!(held(&store), ["a/x:1", "b/x:2"]);
    }
}
