//! The chart's policies in the cluster: removed, and added one at a time.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use kube::api::{DeleteParams, DynamicObject, ListParams, PostParams};
use kube::discovery::ApiResource;
use kube::{Api, Client, ResourceExt};
use tokio::time::sleep;

/// An API server reads its policies once a second.
const TAKES_EFFECT: Duration = Duration::from_secs(3);

/// The kinds of policies, each with the kind of its bindings and their resource names.
const KINDS: [[&str; 2]; 2] = [
    ["ValidatingAdmissionPolicy", "validatingadmissionpolicies"],
    ["MutatingAdmissionPolicy", "mutatingadmissionpolicies"],
];

/// A set of policies.
pub struct Arm {
    pub name: String,
    objects: Vec<(ApiResource, DynamicObject)>,
}

impl Arm {
    /// Creates them, and waits until they are in effect.
    pub async fn install(&self, client: &Client) -> Result<()> {
        for (resource, object) in &self.objects {
            let api: Api<DynamicObject> = Api::all_with(client.clone(), resource);
            api.create(&PostParams::default(), object).await?;
        }
        sleep(TAKES_EFFECT).await;
        Ok(())
    }

    /// Deletes them.
    pub async fn remove(&self, client: &Client) -> Result<()> {
        for (resource, object) in self.objects.iter().rev() {
            let api: Api<DynamicObject> = Api::all_with(client.clone(), resource);
            api.delete(&object.name_any(), &DeleteParams::default()).await?;
        }
        Ok(())
    }
}

/// No policy, each policy alone with its bindings, and all of them. Deletes all of them from the cluster.
pub async fn of(client: &Client) -> Result<Vec<Arm>> {
    let mut alone = vec![];
    for [kind, plural] in KINDS {
        let (policy, binding) = (
            resource(kind, plural),
            resource(&format!("{kind}Binding"), &plural.replace("policies", "policybindings")),
        );
        let bindings = list(client, &binding).await?;
        for object in list(client, &policy).await? {
            let of_it = bindings
                .iter()
                .filter(|binding| binding.data["spec"]["policyName"] == object.name_any().as_str())
                .map(|of_it| (binding.clone(), of_it.clone()));
            let name = object.name_any();
            let name = name.strip_prefix("signer-operator-").unwrap_or(&name).to_owned();
            let objects = std::iter::once((policy.clone(), object.clone())).chain(of_it).collect();
            alone.push(Arm { name, objects });
        }
    }
    ensure!(!alone.is_empty(), "the chart has installed no admission policy");
    let objects = alone.iter().flat_map(|arm| arm.objects.clone()).collect();
    let (none, all) = (
        Arm {
            name: "none".to_owned(),
            objects: vec![],
        },
        Arm {
            name: "all".to_owned(),
            objects,
        },
    );
    all.remove(client).await?;
    let mut arms = vec![none];
    arms.extend(alone);
    arms.push(all);
    Ok(arms)
}

fn resource(kind: &str, plural: &str) -> ApiResource {
    ApiResource {
        group: "admissionregistration.k8s.io".to_owned(),
        version: "v1".to_owned(),
        api_version: "admissionregistration.k8s.io/v1".to_owned(),
        kind: kind.to_owned(),
        plural: plural.to_owned(),
    }
}

/// Empty if the API server does not serve the kind.
async fn list(client: &Client, resource: &ApiResource) -> Result<Vec<DynamicObject>> {
    let api: Api<DynamicObject> = Api::all_with(client.clone(), resource);
    match api.list(&ListParams::default()).await {
        Ok(found) => Ok(found.items.into_iter().map(as_new).collect()),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(vec![]),
        Err(error) => Err(error).with_context(|| format!("cannot list {}", resource.plural)),
    }
}

/// The object without its server-side fields.
fn as_new(mut object: DynamicObject) -> DynamicObject {
    let metadata = &mut object.metadata;
    metadata.resource_version = None;
    metadata.uid = None;
    metadata.managed_fields = None;
    if let Some(data) = object.data.as_object_mut() {
        data.remove("status");
    }
    object
}
