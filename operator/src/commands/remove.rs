//! `operator remove`: takes the signer out of a Deployment that no binding is for.

use kube::ResourceExt;

use super::failure::Failure;
use super::subject::{DeploymentArgs, Subject};
use crate::controller::apply::removal;
use crate::exit;
use crate::model::error::Error;

const ATTEMPTS: usize = 5;

/// Restores the Deployment's spec, as the deletion of a binding with deletionPolicy Remove does.
///
/// # Errors
/// There is no such Deployment, a binding is for it, or the API server refuses.
pub async fn remove(arguments: DeploymentArgs) -> Result<String, Failure> {
    let Subject {
        context,
        namespace,
        name,
    } = Subject::of(arguments).await?;
    for _ in 0..ATTEMPTS {
        let live = context.sources.cluster.deployment(&namespace, &name).await?;
        let live = live.ok_or_else(|| Failure::no_such_deployment(&namespace, &name))?;
        let labels = live.labels();
        let bindings = context.stores.bindings.state();
        let mut bindings = bindings.iter().filter_map(|guarded| guarded.0.as_ref().ok());
        if let Some(binding) = bindings.find(|binding| binding.spec.target.selects(&name, &labels)) {
            let binding = binding.name_any();
            let text = format!(
                "SignerBinding {binding} is for Deployment {name} and would put the signer back; set its spec.deletionPolicy to Remove and delete it: \
                 kubectl --namespace {namespace} delete signerbinding {binding}"
            );
            return Err(Failure::new(exit::CONFIGURATION, text));
        }
        match removal::restore_all(&context.writer, &live).await {
            Ok(removed) if !removed.changed => {
                return Ok(format!(
                    "Deployment {namespace}/{name} carries nothing of the operator; nothing was changed.\n"
                ));
            }
            Ok(removed) if removed.kept => {
                return Ok(format!(
                    "The signer was taken out of Deployment {namespace}/{name}, except for what a manifest applies itself; take that out of the manifest.\n"
                ));
            }
            Ok(_) => return Ok(format!("The signer was taken out of Deployment {namespace}/{name}.\n")),
            // Somebody else has written in between.
            Err(Error::Changed(_)) => {}
            Err(error) => return Err(refused(error, &namespace, &name)),
        }
    }
    let text = format!("Deployment {namespace}/{name} changes all the time; nothing was lost, try again");
    Err(Failure::new(exit::AGAIN, text))
}

/// The guard lets the operator through, and nobody else.
fn refused(error: Error, namespace: &str, name: &str) -> Failure {
    let is_guarded = error.to_string().contains("without its signer");
    let mut failure = Failure::from(error);
    if is_guarded {
        failure.code = exit::PERMISSION;
        failure.text = format!(
            "{failure}\nThe guard lets only the operator do this: kubectl exec --namespace OPERATOR_NAMESPACE deployment/signer-operator -- \
             operator remove --namespace {namespace} deployment/{name}"
        );
    }
    failure
}
