//! The ServiceAccounts of the pods, and other users of them.

use std::collections::BTreeSet;

use crds::SignerBinding;
use crds::names::{GCP_ACCOUNT_ANNOTATION, HASH_ANNOTATION};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::{Api, ListParams};
use serde_json::Value;

use super::sources::Sources;
use crate::backends::{self, AccountNeeds};
use crate::cluster::deadline;
use crate::model::deployment::LiveDeployment;
use crate::model::error::Error;
use crate::model::identity::is_ours;
use crate::model::needs::Needs;
use crate::model::observed::{Account, Leftover, ObservedTarget};

/// The state of the ServiceAccounts.
pub struct Accounts {
    pub accounts: Vec<Account>,
    pub leftovers: Vec<Leftover>,
}

/// The accounts of these Deployments, by name, each checked once, if the key requires something of them; and those that the
/// binding annotated earlier.
pub async fn accounts(
    sources: &Sources,
    binding: &SignerBinding,
    targets: &[ObservedTarget],
) -> Result<Accounts, Error> {
    let look = Look {
        sources,
        namespace: binding.namespace().unwrap_or_default(),
        deployments: targets.iter().filter_map(|target| target.deployment.as_ref()).collect(),
    };
    let mut needs = None;
    let mut accounts = vec![];
    let wanted = binding.spec.workload_identity.as_ref();
    let wanted = wanted.map(|wanted| wanted.gcp_service_account.as_str());
    let has_a_token = backends::account(binding) == Some(AccountNeeds::Token);
    for name in used(binding, targets) {
        let live = sources.cluster.account(&look.namespace, name).await?;
        let others = live.as_ref().and_then(ours).filter(|found| Some(*found) != wanted);
        accounts.push(Account {
            outsider: match wanted {
                Some(_) => look.outsider(name, live.as_ref().is_some_and(is_ours)).await?,
                // The result is only used for a warning, and `default` always gets the warning.
                None if has_a_token || name != "default" => look.outsider(name, true).await?,
                None => None,
            },
            needed_by: match others {
                Some(found) if !has_a_token => {
                    let needs = look.needs(&mut needs).await?;
                    let asks = binding.name_any();
                    needs.who_else_needs(name, found, &asks).map(str::to_owned)
                }
                _ => None,
            },
            live,
            name: name.to_owned(),
        });
    }
    let mut leftovers = vec![];
    for name in forsaken(binding, targets) {
        let known = accounts.iter().find(|account| account.name == name);
        let live = match known {
            Some(known) => known.live.clone(),
            None => sources.cluster.account(&look.namespace, name).await?,
        };
        let Some(live) = live else { continue };
        let Some(found) = ours(&live) else { continue };
        let is_claimed = look.needs(&mut needs).await?.who_needs(name, found).is_some();
        leftovers.push(Leftover {
            is_needed: is_claimed || look.runs_an_earlier_template(name).await?,
            name: name.to_owned(),
            live,
        });
    }
    Ok(Accounts { accounts, leftovers })
}

/// The accounts of the pods, if the key requires something of them.
fn used<'a>(binding: &SignerBinding, targets: &'a [ObservedTarget]) -> BTreeSet<&'a str> {
    if backends::account(binding).is_none() {
        return BTreeSet::new();
    }
    let deployments = targets.iter().filter_map(|target| target.deployment.as_ref());
    deployments.map(LiveDeployment::service_account).collect()
}

/// Accounts that may carry an annotation that is no longer wanted.
fn forsaken<'a>(binding: &'a SignerBinding, targets: &'a [ObservedTarget]) -> BTreeSet<&'a str> {
    let status = binding.status.iter();
    let annotated = status.flat_map(|status| &status.annotated_service_accounts);
    let annotated: BTreeSet<_> = annotated.map(String::as_str).collect();
    let used = used(binding, targets);
    if binding.spec.workload_identity.is_none() {
        return annotated.union(&used).copied().collect();
    }
    // A Deployment that will be created again needs the annotation it had.
    if targets.iter().any(|target| target.deployment.is_none()) {
        return BTreeSet::new();
    }
    annotated.difference(&used).copied().collect()
}

/// The annotation, if the operator wrote it.
fn ours(live: &Value) -> Option<&str> {
    live["metadata"]["annotations"][GCP_ACCOUNT_ANNOTATION]
        .as_str()
        .filter(|_| is_ours(live))
}

/// One check of the accounts of a binding.
struct Look<'a> {
    sources: &'a Sources,
    namespace: String,
    deployments: Vec<&'a LiveDeployment>,
}

impl Look<'_> {
    /// Read on first use, and only once.
    async fn needs<'b>(&self, known: &'b mut Option<Needs>) -> Result<&'b Needs, Error> {
        let needs = match known.take() {
            Some(needs) => needs,
            None => self.sources.cluster.needs(&self.namespace).await?,
        };
        Ok(known.insert(needs))
    }

    /// The pods that use an account and are not terminating: the latest list, or the one in the API server's cache.
    async fn pods(&self, account: &str, is_latest: bool) -> Result<impl Iterator<Item = Pod>, Error> {
        let api: Api<Pod> = Api::namespaced(self.sources.cluster.client(), &self.namespace);
        let mut users = ListParams::default().fields(&format!("spec.serviceAccountName={account}"));
        if !is_latest {
            users = users.match_any();
        }
        let found = deadline("list the pods of the ServiceAccount", api.list(&users)).await?;
        Ok(found.into_iter().filter(|pod| {
            let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
            !matches!(phase, Some("Succeeded" | "Failed")) && pod.metadata.deletion_timestamp.is_none()
        }))
    }

    /// The first pod, by name, that would also act as the Google account. Before the account is annotated, the list must be the
    /// latest. Afterwards it is read every minute, and the API server's cache is sufficient.
    async fn outsider(&self, account: &str, is_granted: bool) -> Result<Option<String>, Error> {
        let mut outsiders = vec![];
        let mut owners = self.sources.owners.lookup(&self.sources.cluster);
        for pod in self.pods(account, !is_granted).await? {
            if !owners.is_owned(&pod, &self.deployments).await? {
                outsiders.push(pod.name_any());
            }
        }
        outsiders.sort_unstable();
        Ok(outsiders.into_iter().next())
    }

    /// Whether a signer that a rollout will replace still uses this account. The hash does not include the pods' ServiceAccount.
    async fn runs_an_earlier_template(&self, account: &str) -> Result<bool, Error> {
        let mut owners = self.sources.owners.lookup(&self.sources.cluster);
        for pod in self.pods(account, true).await? {
            let Some(hash) = pod.annotations().get(HASH_ANNOTATION) else {
                continue;
            };
            for live in &self.deployments {
                let is_earlier = live.service_account() != account || live.injected_hash() != Some(hash);
                if is_earlier && owners.is_owned(&pod, &[live]).await? {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }
}
