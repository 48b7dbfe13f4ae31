//! The ServiceAccounts of the pods, and who else uses them.

use crds::SignerBinding;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::{Api, ListParams};

use super::sources::Sources;
use crate::backends;
use crate::cluster::deadline;
use crate::model::deployment::LiveDeployment;
use crate::model::error::Error;
use crate::model::observed::Account;

/// The accounts of these Deployments, by name, each looked at once. Only where the key asks something of them.
pub async fn accounts(
    sources: &Sources,
    binding: &SignerBinding,
    targets: &[&LiveDeployment],
) -> Result<Vec<Account>, Error> {
    if backends::account(binding).is_none() {
        return Ok(vec![]);
    }
    let namespace = binding.namespace().unwrap_or_default();
    let mut names: Vec<_> = targets.iter().map(|live| live.service_account().to_owned()).collect();
    names.sort_unstable();
    names.dedup();
    let mut accounts = vec![];
    for name in names {
        let outsider = if binding.spec.workload_identity.is_some() {
            outsider(sources, &namespace, &name, targets).await?
        } else {
            None
        };
        accounts.push(Account {
            live: sources.cluster.account(&namespace, &name).await?,
            outsider,
            name,
        });
    }
    Ok(accounts)
}

/// The first pod, by name, that would act as the Google account as well.
async fn outsider(
    sources: &Sources,
    namespace: &str,
    account: &str,
    targets: &[&LiveDeployment],
) -> Result<Option<String>, Error> {
    let api: Api<Pod> = Api::namespaced(sources.cluster.client(), namespace);
    let users = ListParams::default().fields(&format!("spec.serviceAccountName={account}"));
    let found = deadline("list the pods of the ServiceAccount", api.list(&users)).await?;
    let mut outsiders = vec![];
    let mut owners = sources.owners.lookup(&sources.cluster);
    for pod in found {
        let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
        if matches!(phase, Some("Succeeded" | "Failed")) || pod.metadata.deletion_timestamp.is_some() {
            continue;
        }
        if !owners.is_owned(&pod, targets).await? {
            outsiders.push(pod.name_any());
        }
    }
    outsiders.sort_unstable();
    Ok(outsiders.into_iter().next())
}
