//! Finds the bindings that an event concerns, using only what the watches have reported.

use crds::SignerBinding;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Pod, Service, ServiceAccount};
use kube::api::PartialObjectMeta;
use kube::core::DeserializeGuard;
use kube::runtime::reflector::{ObjectRef, Store};
use kube::{Resource, ResourceExt};

use crate::backends::{self, share_a_key};
use crate::controller::pods::{has_key_of, label};
use crate::controller::schedule::resync::Resyncs;
use crate::model::binding::BindingRef;
use crate::template::names::short_name;

type Guarded = DeserializeGuard<SignerBinding>;

/// Finds the bindings that an event concerns, and marks them as reported.
#[derive(Clone)]
pub struct Mappers {
    pub bindings: Store<Guarded>,
    pub resyncs: Resyncs,
}

impl Mappers {
    /// The bindings that name this Deployment now or did before. Without its label, they still have to report about it.
    pub fn of_deployment(&self, deployment: &PartialObjectMeta<Deployment>) -> Vec<BindingRef> {
        let name = deployment.name_any();
        self.in_namespace(deployment, |binding| {
            binding.spec.target.selects(&name, deployment.labels()) || reports(binding, &name)
        })
    }

    /// The bindings of the Deployments that own a Service. If the owner was removed, the Service's label still names the
    /// Deployment.
    pub fn of_service(&self, service: &PartialObjectMeta<Service>) -> Vec<BindingRef> {
        let is_owner = |name: &str| {
            let mut owners = service.owner_references().iter();
            owners.any(|owner| owner.kind == "Deployment" && owner.name == name) || short_name(name) == label(service)
        };
        self.in_namespace(service, |binding| names(binding).any(is_owner))
    }

    /// The binding with this pod's label and key, which checks whether the pod is its own. Any other pod concerns the bindings
    /// with its label, and all with its key.
    pub fn of_pod(&self, pod: &Pod) -> Vec<BindingRef> {
        let own = of_all(&self.bindings, |binding| {
            is_of_its_deployment(pod, binding) && has_key_of(pod, binding)
        });
        if !own.is_empty() {
            return self.told(own);
        }
        self.told(of_all(&self.bindings, |binding| {
            is_of_its_deployment(pod, binding) || has_key_of(pod, binding)
        }))
    }

    /// The bindings whose pods use ServiceAccounts of this namespace.
    pub fn of_account(&self, account: &PartialObjectMeta<ServiceAccount>) -> Vec<BindingRef> {
        self.in_namespace(account, |binding| backends::account(binding).is_some())
    }

    /// The other bindings of its Deployments. One of them may take over when this one changes or is deleted.
    pub fn of_binding(&self, changed: &SignerBinding) -> Vec<BindingRef> {
        of_all(&self.bindings, |binding| {
            binding.meta().namespace == changed.meta().namespace
                && shares_a_deployment(binding, changed)
                && !is_itself(binding, changed)
        })
    }

    /// The bindings that share a key with this one, before or after the change. They warn about each other, and
    /// determine to which binding the pods with that key belong. Empty if neither key nor Deployments have changed,
    /// which is only known before the store takes the change.
    pub fn of_sharers(&self, changed: &Guarded, is_gone: bool) -> Vec<BindingRef> {
        let before = self.bindings.get(&ObjectRef::from_obj(changed));
        let before = before.as_ref().and_then(|before| before.0.as_ref().ok());
        let after = changed.0.as_ref().ok();
        let is_as_before = |before: &SignerBinding, after: &SignerBinding| {
            share_a_key(before, after) && names(before).eq(names(after))
        };
        if !is_gone
            && before
                .zip(after)
                .is_some_and(|(before, after)| is_as_before(before, after))
        {
            return vec![];
        }
        of_all(&self.bindings, |binding| {
            let mut either = before.into_iter().chain(after);
            either.any(|this| share_a_key(binding, this) && !is_itself(binding, this))
        })
    }

    /// Marks these bindings as reported, and returns them.
    pub fn told(&self, bindings: Vec<BindingRef>) -> Vec<BindingRef> {
        self.resyncs.mark_dirty(bindings)
    }

    fn in_namespace(&self, object: &impl Resource, concerns: impl Fn(&SignerBinding) -> bool) -> Vec<BindingRef> {
        let namespace = &object.meta().namespace;
        self.told(of_all(&self.bindings, |binding| {
            binding.meta().namespace == *namespace && concerns(binding)
        }))
    }
}

/// The bindings of the Deployment that this pod's label names.
pub fn of_pod(bindings: &Store<Guarded>, pod: &Pod) -> Vec<BindingRef> {
    of_all(bindings, |binding| is_of_its_deployment(pod, binding))
}

fn is_of_its_deployment(pod: &Pod, binding: &SignerBinding) -> bool {
    binding.meta().namespace == pod.metadata.namespace && names(binding).any(|name| short_name(name) == label(pod))
}

fn is_itself(left: &SignerBinding, right: &SignerBinding) -> bool {
    (&left.meta().namespace, &left.meta().name) == (&right.meta().namespace, &right.meta().name)
}

fn of_all(store: &Store<Guarded>, concerns: impl Fn(&SignerBinding) -> bool) -> Vec<BindingRef> {
    let concerned = store.state_filter(|guarded| guarded.0.as_ref().is_ok_and(&concerns));
    concerned
        .iter()
        .map(|guarded| ObjectRef::from_obj(&**guarded))
        .collect()
}

/// A waiting binding has the Deployment in its status, so labels need not be compared.
fn shares_a_deployment(left: &SignerBinding, right: &SignerBinding) -> bool {
    names(left).any(|name| is_about(right, name))
}

fn is_about(binding: &SignerBinding, deployment: &str) -> bool {
    names(binding).any(|name| name == deployment)
}

fn names(binding: &SignerBinding) -> impl Iterator<Item = &str> {
    let reported = binding.status.iter().flat_map(|status| &status.targets);
    binding
        .spec
        .target
        .name
        .as_deref()
        .into_iter()
        .chain(reported.map(|target| target.name.as_str()))
}

fn reports(binding: &SignerBinding, deployment: &str) -> bool {
    let mut reported = binding.status.iter().flat_map(|status| &status.targets);
    reported.any(|target| target.name == deployment)
}
