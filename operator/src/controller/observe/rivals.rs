//! Who else is for the same Deployment.

use std::sync::Arc;

use crds::SignerBinding;
use kube::api::Api;
use kube::{Resource, ResourceExt};

use super::super::context::{Context, deadline};
use super::super::error::Error;
use super::ObservedTarget;

/// Another binding that is for the same Deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rival {
    pub name: String,
    pub is_older: bool,
}

/// The other bindings of the namespace that share a Deployment with this one and will stay, and whether they came first.
pub struct Rivals(Vec<(SignerBinding, bool)>);

impl Rivals {
    /// The list of bindings comes from a watch, which may be behind, so each one is asked for.
    pub async fn observe(
        context: &Context,
        binding: &SignerBinding,
        targets: &[ObservedTarget],
    ) -> Result<Self, Error> {
        let age = |binding: &SignerBinding| (binding.creation_timestamp().map(|time| time.0), binding.name_any());
        let api: Api<SignerBinding> = Api::namespaced(context.client.clone(), &binding.namespace().unwrap_or_default());
        let mut rivals = vec![];
        for guarded in others(context, binding) {
            let Ok(other) = &guarded.0 else { continue };
            if !targets.iter().any(|target| is_for(other, target)) {
                continue;
            }
            let found = deadline("get another SignerBinding", api.get_opt(&other.name_any())).await?;
            if let Some(other) = found.filter(|other| other.meta().deletion_timestamp.is_none()) {
                let is_older = age(&other) < age(binding);
                rivals.push((other, is_older));
            }
        }
        Ok(Self(rivals))
    }

    /// Those that are for this Deployment.
    pub fn of(&self, target: &ObservedTarget) -> Vec<Rival> {
        let rivals = self.0.iter().filter(|(other, _)| is_for(other, target));
        rivals
            .map(|(other, is_older)| Rival {
                name: other.name_any(),
                is_older: *is_older,
            })
            .collect()
    }
}

fn others(context: &Context, binding: &SignerBinding) -> Vec<Arc<kube::core::DeserializeGuard<SignerBinding>>> {
    let mut others = context.bindings.state();
    others.retain(|other| other.meta().namespace == binding.namespace() && other.name_any() != binding.name_any());
    others
}

fn is_for(binding: &SignerBinding, target: &ObservedTarget) -> bool {
    let wanted = &binding.spec.target;
    match &target.deployment {
        Some(live) => wanted.selects(&target.name, &live.labels()),
        // What does not exist has no labels, and matches nothing.
        None => wanted.name.as_deref() == Some(&target.name),
    }
}
