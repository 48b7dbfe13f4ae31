//! Whether the rendering is in place and recorded as the operator's.

use crds::names::{DEPLOYMENT_LABEL, FIELD_MANAGER, HASH_ANNOTATION, NODE_VARIABLES};
use serde_json::Value;

use super::{additions, subset, volumes};
use crate::model::deployment::LiveDeployment;
use crate::model::rendered::Rendered;

/// Whether the Deployment has the rendering, recorded as the operator's, its signer has no additions, and no other container has
/// the signer's volumes.
pub fn is_intact(live: &LiveDeployment, rendered: &Rendered) -> bool {
    let wanted = &rendered.deployment["spec"]["template"]["spec"]["initContainers"][0];
    let is_alone = live
        .signer()
        .is_some_and(|found| additions::of(found, wanted).is_empty());
    let has_the_files_alone = volumes::exposures(live, &volumes::names(volumes_of(rendered))).is_empty();
    is_alone && has_the_files_alone && is_carried(live, rendered)
}

/// Whether the Deployment has the rendering, recorded as the operator's.
pub fn is_carried(live: &LiveDeployment, rendered: &Rendered) -> bool {
    live.owns_signer()
        && live.ours().is_some_and(|ours| {
            ours.owns_template_key("annotations", HASH_ANNOTATION)
                && ours.owns_template_key("labels", DEPLOYMENT_LABEL)
                && NODE_VARIABLES
                    .iter()
                    .all(|variable| ours.owns_variable_value(&rendered.node_container, variable))
        })
        && volumes::are_intact(live, volumes_of(rendered))
        && subset::contains(&live.raw()["spec"], &rendered.deployment["spec"])
}

fn volumes_of(rendered: &Rendered) -> &Value {
    &rendered.deployment["spec"]["template"]["spec"]["volumes"]
}

/// Whether the Service equals the rendering.
pub fn service_is_intact(live: Option<&Value>, rendered: &Rendered) -> bool {
    live.is_some_and(|live| {
        ["labels", "ownerReferences"]
            .iter()
            .all(|field| subset::contains(&live["metadata"][*field], &rendered.service["metadata"][*field]))
            && subset::contains(&live["spec"], &rendered.service["spec"])
            // With an additional label, it would select nothing.
            && live["spec"]["selector"] == rendered.service["spec"]["selector"]
            && live["metadata"]["managedFields"]
                .as_array()
                .into_iter()
                .flatten()
                .any(|entry| entry["manager"] == FIELD_MANAGER)
    })
}
