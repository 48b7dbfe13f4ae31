//! What Kubernetes shows of the pods' identity, and the commands that grant it the key. Only a signing pod proves the grant.

use std::collections::BTreeSet;

use crds::SignerBindingStatus;
use crds::conditions::reasons;

use crate::backends::{self, Grantee, KeyBackend};
use crate::controller::status::state::State;
use crate::controller::status::token::account_for;
use crate::model::applied::Applied;
use crate::model::identity::PodIdentity;
use crate::model::injection::Verdict;
use crate::model::observed::Observed;
use crate::model::reason::Reason;

/// What is said where nothing has to prove an identity.
pub const NOT_NEEDED: &str = "the key is in a Secret, for which the pods prove no identity";

/// The state of `IdentityReady` of one Deployment. `injected` says that the annotation was written where it had to be.
pub fn state(observed: &Observed, deployment: &str, identity: &Result<PodIdentity, Reason>, injected: bool) -> State {
    let identity = match identity {
        Ok(identity) => identity,
        Err(refusal) => return State::no(refusal.clone()),
    };
    let backend = backends::of(&observed.binding.spec.key);
    let commands = |account: &str, acts_as: Option<&str>| {
        let grantee = Grantee {
            project: &observed.surroundings.project,
            issuer: observed.surroundings.issuer.as_deref(),
            namespace: observed.binding.metadata.namespace.as_deref().unwrap_or_default(),
            account,
            acts_as,
        };
        backend.map(|backend| backend.grants(&grantee)).unwrap_or_default()
    };
    match identity {
        PodIdentity::NotNeeded => State::yes(reasons::IDENTITY_NOT_NEEDED, NOT_NEEDED),
        PodIdentity::NotKnown => State::unknown(reasons::DEPLOYMENT_NOT_FOUND, "see the condition Injected"),
        PodIdentity::Direct { account, .. } if account == "default" => {
            let own = account_for(deployment);
            State::yes(
                reasons::DIRECT_GRANT,
                format!(
                    "Deployment {deployment}: found the ServiceAccount default, which every pod of the namespace uses that names none, expected one of its own. Do not grant the key to default. Run: kubectl create serviceaccount {own} --namespace {}. Grant the key to {own}, then name it in the manifest (spec.template.spec.serviceAccountName: {own}), which replaces the pod. {}",
                    observed.binding.metadata.namespace.as_deref().unwrap_or_default(),
                    commands(own, None)
                ),
            )
        }
        PodIdentity::Direct { account, annotated } => {
            let shown = match annotated {
                None => format!("the pods use the identity that the platform gives the ServiceAccount {account}"),
                Some(google) => {
                    format!("the pods use the ServiceAccount {account}, whose annotation lets them act as {google}")
                }
            };
            State::yes(
                reasons::DIRECT_GRANT,
                format!(
                    "{shown}; a signing pod proves the grant. {}",
                    commands(account, annotated.as_deref())
                ),
            )
        }
        PodIdentity::Projected { account } => {
            let audience = backend.and_then(KeyBackend::audience).unwrap_or_default();
            State::yes(
                reasons::PROJECTED_TOKEN,
                format!(
                    "the signer, and no other container, has a token of the ServiceAccount {account} for {audience}; a signing pod proves the grant. {}",
                    commands(account, None)
                ),
            )
        }
        PodIdentity::ActsAs {
            account,
            google,
            is_annotated,
        } if *is_annotated || injected => State::yes(
            reasons::SERVICE_ACCOUNT_ANNOTATED,
            format!(
                "the ServiceAccount {account} is annotated to act as {google}; a signing pod proves the grant. {}",
                commands(account, Some(google))
            ),
        ),
        PodIdentity::ActsAs { account, .. } => State::unknown(
            reasons::NOT_INJECTED,
            format!(
                "the ServiceAccount {account} is annotated together with the injection, see the condition Injected"
            ),
        ),
    }
}

/// The schema's bound.
const MOST: usize = 512;

/// The ServiceAccounts that carry an annotation of this binding, as far as it is known; the others are forgotten.
pub fn annotated(observed: &Observed, verdict: &Verdict, applied: &Applied, old: &SignerBindingStatus) -> Vec<String> {
    let binding = &observed.binding;
    let is_used = |name: &&String| observed.accounts.iter().any(|account| account.name == **name);
    let is_awaited = observed.targets.iter().any(|target| target.deployment.is_none());
    let before = old.annotated_service_accounts.iter();
    let kept = before.filter(|name| binding.spec.workload_identity.is_some() && (is_awaited || is_used(name)));
    let left = observed.leftovers.iter().map(|leftover| &leftover.name);
    let left = left.filter(|name| !applied.released.contains(name));
    let targets = verdict.targets.iter().zip(&applied.targets);
    let now = targets.filter_map(|(verdict, applied)| match &verdict.identity {
        Ok(PodIdentity::ActsAs {
            account, is_annotated, ..
        }) if *is_annotated || applied.outcome.is_ok() => Some(account),
        _ => None,
    });
    let all: BTreeSet<_> = kept.chain(left).chain(now).cloned().collect();
    all.into_iter().take(MOST).collect()
}
