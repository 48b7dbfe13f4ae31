//! The Service for the signer's metrics.

use crds::names::{DEPLOYMENT_LABEL, FIELD_MANAGER};
use serde_json::{Value, json};

use crate::model::injection::Injection;
use crate::template::names::MANAGED_BY;
use crate::template::names::{service_name, short_name};

pub fn render(injection: &Injection) -> Value {
    let deployment = &injection.deployment;
    let label = short_name(&deployment.name);
    // A copied template has the operator's label too. The Deployment's own labels differ, because each has its own selector.
    let mut selector = injection.match_labels.clone();
    selector.insert(DEPLOYMENT_LABEL.to_owned(), label.clone());
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": service_name(&deployment.name),
            "namespace": deployment.namespace,
            "labels": {
                MANAGED_BY.0: MANAGED_BY.1,
                "app.kubernetes.io/name": "signer",
                "app.kubernetes.io/component": "signer",
                "app.kubernetes.io/part-of": FIELD_MANAGER,
                DEPLOYMENT_LABEL: label,
            },
            // Deleted with the Deployment, not with the binding, so that a retained injection keeps its metrics. No
            // blockOwnerDeletion, which would need rights on the Deployment's finalizers.
            "ownerReferences": [{
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "name": deployment.name,
                "uid": deployment.uid,
            }],
        },
        "spec": {
            // Headless, so that Kubernetes creates no service-link variables, which the signer would read.
            "clusterIP": "None",
            "publishNotReadyAddresses": true,
            "selector": selector,
            "ports": [{
                "name": "management",
                "port": injection.management_port,
                "targetPort": injection.management_port,
                "protocol": "TCP",
            }],
        },
    })
}
