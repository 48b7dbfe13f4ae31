//! What a binding says of itself.

use crds::names::FINALIZER;
use crds::{DeletionPolicy, SignerBinding};
use kube::ResourceExt;
use kube::core::DeserializeGuard;
use kube::runtime::reflector::ObjectRef;

/// A binding, as events name it.
pub type BindingRef = ObjectRef<DeserializeGuard<SignerBinding>>;

/// Whether this binding has put a signer into this Deployment before.
pub fn was_injected(binding: &SignerBinding, deployment: &str) -> bool {
    binding.status.as_ref().is_some_and(|status| {
        status
            .targets
            .iter()
            .any(|target| target.injected && target.name == deployment)
    })
}

/// Whether deleting the binding restores its Deployment.
pub fn removes(binding: &SignerBinding) -> bool {
    binding.spec.deletion_policy == Some(DeletionPolicy::Remove)
}

/// Whether the binding asked for removal when it was last seen.
pub fn has_finalizer(binding: &SignerBinding) -> bool {
    binding.finalizers().iter().any(|finalizer| finalizer == FINALIZER)
}

/// The hash of what the status says was in place for this Deployment.
pub fn recorded_hash<'a>(binding: &'a SignerBinding, deployment: &str) -> Option<&'a str> {
    let status = binding.status.as_ref()?;
    let target = status.targets.iter().find(|target| target.name == deployment)?;
    target.hash.as_deref()
}
