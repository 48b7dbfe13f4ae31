//! For any Deployment: rendering again changes nothing, and removing the signer restores the original.

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::leftovers;
use crate::commands::render as offline;
use crate::controller::render;
use crate::controller::validate;
use crate::model::deployment::LiveDeployment;
use crate::model::rendered::Rendered;
use crate::model::settings::Settings;
use crate::template::merge;

const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// An object with the fields that are set. The API server keeps no empty ones.
fn object(fields: Vec<(&'static str, Option<Value>)>) -> Value {
    let fields = fields
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(fields.collect::<Map<_, _>>())
}

fn variable() -> impl Strategy<Value = Value> {
    let name = "[A-C]{1,2}";
    prop_oneof![
        (name, "[ -~]{0,9}").prop_map(|(name, value)| json!({"name": name, "value": value})),
        name.prop_map(|name| json!({"name": name, "valueFrom": {"secretKeyRef": {"name": "token", "key": "value"}}})),
    ]
}

/// Some of the three variables that the documentation tells people to write.
fn documented() -> impl Strategy<Value = Vec<Value>> {
    let all = vec![
        json!({"name": "ATTO_SIGNER_BACKEND", "value": "REMOTE"}),
        json!({"name": "ATTO_SIGNER_REMOTE_URL", "value": "http://localhost:9090"}),
        json!({"name": "ATTO_SIGNER_REMOTE_TOKEN", "valueFrom": {"secretKeyRef": {"name": "token", "key": "value"}}}),
    ];
    proptest::sample::subsequence(all, 0..=3)
}

fn environment() -> impl Strategy<Value = Option<Value>> {
    (vec(variable(), 0..6), documented(), any::<bool>()).prop_map(|(mut own, mut documented, first)| {
        if first {
            std::mem::swap(&mut own, &mut documented);
        }
        own.append(&mut documented);
        (!own.is_empty()).then_some(Value::Array(own))
    })
}

fn resources() -> impl Strategy<Value = Value> {
    let quantity = || proptest::sample::select(vec!["1", "1000m", "500m", "2Gi", "2048Mi"]);
    let list = move || of(quantity()).prop_flat_map(move |cpu| quantity().prop_map(move |memory| (cpu, memory)));
    let list = move || {
        list().prop_map(|(cpu, memory)| object(vec![("cpu", cpu.map(Value::from)), ("memory", Some(json!(memory)))]))
    };
    (of(list()), of(list())).prop_filter_map("no resources", |(requests, limits)| {
        (requests.is_some() || limits.is_some()).then(|| object(vec![("requests", requests), ("limits", limits)]))
    })
}

fn container(name: String) -> impl Strategy<Value = Value> {
    let ports = vec(8000..8100_u16, 1..3).prop_map(|ports| {
        ports
            .iter()
            .map(|port| json!({"containerPort": port}))
            .collect::<Value>()
    });
    (environment(), of(resources()), of(ports), of("[a-z]{1,5}")).prop_map(move |(env, resources, ports, newer)| {
        object(vec![
            ("name", Some(json!(name))),
            ("image", Some(json!("registry.example/image:1"))),
            ("env", env),
            ("resources", resources),
            ("ports", ports),
            ("fieldOfTomorrow", newer.map(Value::from)),
        ])
    })
}

fn containers(prefix: &'static str, most: usize) -> impl Strategy<Value = Vec<Value>> {
    (0..=most).prop_flat_map(move |count| {
        (0..count)
            .map(|number| container(format!("{prefix}-{number}")))
            .collect::<Vec<_>>()
    })
}

fn deployment() -> impl Strategy<Value = Value> {
    let annotations = of(vec(("[a-z]{1,4}", "[a-z/~\"]{0,4}"), 1..3)
        .prop_map(|pairs| pairs.into_iter().collect::<std::collections::BTreeMap<_, _>>()));
    let nodes = (
        container("node".to_owned()),
        containers("other", 2),
        any::<prop::sample::Index>(),
    );
    let volumes = of(Just(
        json!([{"name": "data", "emptyDir": {}}, {"name": "signer-data", "emptyDir": {}}]),
    ));
    (annotations, nodes, containers("init", 3), of(any::<bool>()), volumes).prop_map(
        |(annotations, (node, mut containers, index), init, paused, volumes)| {
            containers.insert(index.index(containers.len() + 1), node);
            let spec = object(vec![
                ("containers", Some(Value::Array(containers))),
                ("initContainers", (!init.is_empty()).then_some(Value::Array(init))),
                ("volumes", volumes),
            ]);
            let metadata = object(vec![
                ("labels", Some(json!({"app": "voter"}))),
                ("annotations", annotations.map(|annotations| json!(annotations))),
            ]);
            let spec = object(vec![
                ("paused", paused.map(Value::from)),
                ("template", Some(json!({"metadata": metadata, "spec": spec}))),
            ]);
            let manifest = json!({"metadata": {"name": "voter"}, "spec": spec}).to_string();
            json!({
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": {"name": "voter", "namespace": "atto", "uid": "u", "annotations": {LAST_APPLIED: manifest}},
                "spec": spec,
            })
        },
    )
}

/// The rendering for a minimal binding.
fn desired(deployment: &Value) -> Rendered {
    let binding = serde_json::from_value(json!({
        "apiVersion": "signer.atto.cash/v1alpha1",
        "kind": "SignerBinding",
        "metadata": {"name": "voter", "namespace": "atto"},
        "spec": {
            "target": {"name": "voter"},
            // The backend with the most variables and volumes.
            "key": {"vault": {
                "address": "https://vault.example.com", "namespace": "team", "key": "voter", "version": 1,
                "auth": {"jwt": {"role": "voter", "mount": "jwt", "audience": "vault"}}, "caSecretRef": {"name": "ca", "key": "ca.crt"},
            }},
            "capabilities": ["VOTE"],
            "tokenSecretRef": {"name": "token", "key": "value"},
        },
    }));
    let settings = Settings {
        signer_image: "registry.example/signer:1".to_owned(),
        allowed_signer_images: vec!["registry.example/signer".to_owned()],
        ..Settings::default()
    };
    let observed = offline::observed(binding.unwrap(), &LiveDeployment::new(deployment.clone()));
    let verdict = validate::validate(&observed, &settings);
    render::render_all(&verdict).pop().unwrap().unwrap()
}

/// The merged object, with the operator's managed fields as the API server records them.
fn applied(deployment: &Value, rendered: &Rendered) -> Value {
    let mut object = deployment.clone();
    merge::apply(&mut object["spec"], &rendered.deployment["spec"]);
    let fields = json!({"f:spec": fields(&rendered.deployment["spec"])});
    object["metadata"]["managedFields"] =
        json!([{"manager": crds::names::FIELD_MANAGER, "operation": "Apply", "fieldsV1": fields}]);
    object
}

fn fields(applied: &Value) -> Value {
    match applied {
        Value::Object(map) => map
            .iter()
            .map(|(field, value)| (format!("f:{field}"), fields(value)))
            .collect(),
        Value::Array(items) => items
            .iter()
            .filter(|item| item["name"].is_string())
            .map(|item| (format!("k:{{\"name\":{}}}", item["name"]), fields(item)))
            .collect(),
        _ => json!({}),
    }
}

/// Applies a JSON patch that contains only removals.
fn patched(mut object: Value, operations: &[Value]) -> Value {
    for operation in operations {
        assert_eq!(operation["op"], "remove");
        let (parent, last) = operation["path"].as_str().unwrap().rsplit_once('/').unwrap();
        let last = last.replace("~1", "/").replace("~0", "~");
        let parent = object.pointer_mut(parent).unwrap();
        let removed = match parent {
            Value::Array(items) => Some(items.remove(last.parse().unwrap())),
            other => other.as_object_mut().unwrap().remove(&last),
        };
        assert!(removed.is_some(), "{operation} removes nothing");
    }
    // The API server keeps no empty map.
    let metadata = object["spec"]["template"]["metadata"].as_object_mut().unwrap();
    metadata.retain(|_, value| *value != json!({}));
    object
}

proptest! {
    #[test]
    fn an_injected_deployment_is_rendered_to_the_same(before in deployment()) {
        let rendered = desired(&before);
        let injected = applied(&before, &rendered);
        prop_assert_eq!(&desired(&injected), &rendered);
        prop_assert!(crate::template::intact::is_intact(&LiveDeployment::new(injected.clone()), &rendered));
        prop_assert_eq!(&applied(&injected, &rendered), &injected);
        // A backup, which has no history, is restored in the same way.
        let mut backup = injected;
        backup["metadata"]["managedFields"] = Value::Null;
        prop_assert_eq!(desired(&backup), rendered);
    }

    /// The empty apply is refused, so the JSON patch removes everything.
    #[test]
    fn a_deployment_without_its_signer_is_what_it_was(before in deployment()) {
        let injected = applied(&before, &desired(&before));
        let live = LiveDeployment::new(injected.clone());
        let after = patched(injected, &leftovers::patch(&live, &live));
        prop_assert_eq!(&after["spec"], &before["spec"]);
    }
}
