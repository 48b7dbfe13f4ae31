//! The pods' identity as Kubernetes shows it, and the commands that grant it the key. Only a signature proves the
//! grant.

use std::collections::BTreeSet;

use crds::SignerBindingStatus;
use crds::conditions::{reasons, types};

use crate::backends::{self, Grantee, KeyBackend};
use crate::controller::status::state::{State, Truth};
use crate::controller::status::token::account_for;
use crate::model::applied::Applied;
use crate::model::identity::PodIdentity;
use crate::model::injection::Verdict;
use crate::model::observed::Observed;
use crate::model::reason::Reason;

/// The message if no identity is needed.
pub const NOT_NEEDED: &str = "The key is in a Secret, so the pods need no identity";

/// The words of a message about the grant until a signer has signed with the key.
const UNCONFIRMED: &str = "No signature confirms the grant at present. Grant the key if that was not done yet. If the grant was revoked, find out why first: another voter may sign with this key.";

/// The words about the grant from then on.
const CONFIRMED: &str = "A signature confirms the grant, so these commands are only for reference.";

/// The state of `IdentityReady` of one Deployment. `injected` says whether the annotation was written if necessary.
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
        PodIdentity::NotKnown => State::unknown(reasons::DEPLOYMENT_NOT_FOUND, "See the condition Injected"),
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
                None => format!("The pods use the identity that the platform gives to ServiceAccount {account}"),
                Some(google) => {
                    format!("The pods use ServiceAccount {account}, whose annotation lets them act as {google}")
                }
            };
            State::yes(
                reasons::DIRECT_GRANT,
                format!("{shown}. {UNCONFIRMED} {}", commands(account, annotated.as_deref())),
            )
        }
        PodIdentity::Projected { account } => {
            let audience = backend.and_then(KeyBackend::audience).unwrap_or_default();
            State::yes(
                reasons::PROJECTED_TOKEN,
                format!(
                    "Only the signer container has a token of ServiceAccount {account} for {audience}. {UNCONFIRMED} {}",
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
                "ServiceAccount {account} is annotated to act as {google}. {UNCONFIRMED} {}",
                commands(account, Some(google))
            ),
        ),
        PodIdentity::ActsAs { account, .. } => State::unknown(
            reasons::NOT_INJECTED,
            format!("ServiceAccount {account} is annotated together with the injection. See the condition Injected"),
        ),
    }
}

/// Reasons that describe an identity in Kubernetes, but do not say whether it was granted the key.
const SHOWN: [&str; 3] = [
    reasons::DIRECT_GRANT,
    reasons::PROJECTED_TOKEN,
    reasons::SERVICE_ACCOUNT_ANNOTATED,
];

/// The state of `IdentityReady` after the signatures are taken into account: only a signature proves the grant. A proof
/// for this identity stays valid while the signers cannot be queried, but not once the key service returns no
/// signature.
pub fn proven(shown: State, signing: &State, old: &SignerBindingStatus, is_same_spec: bool) -> State {
    if !SHOWN.contains(&shown.reason.code) {
        return shown;
    }
    let mut confirmed = shown.clone();
    confirmed.reason.message = shown.reason.message.replacen(UNCONFIRMED, CONFIRMED, 1);
    let was_proven = || {
        let mut before = old.conditions.iter();
        is_same_spec
            && signing.reason.code != reasons::BACKEND_DOWN
            && before.any(|before| {
                before.type_ == types::IDENTITY_READY
                    && before.status == "True"
                    && before.reason == confirmed.reason.code
                    && before.message == confirmed.reason.message
            })
    };
    if signing.is_true() || was_proven() {
        return confirmed;
    }
    State {
        truth: Truth::Unknown,
        ..shown
    }
}

/// The schema's limit.
const MOST: usize = 512;

/// The known ServiceAccounts with an annotation of this binding. The others are forgotten.
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_a_signature_proves_the_grant_and_it_stays_proven_while_nobody_can_be_asked() {
        let shown = || {
            State::yes(
                reasons::DIRECT_GRANT,
                format!("The pods use the ServiceAccount voter. {UNCONFIRMED}"),
            )
        };
        let signs = State::yes(reasons::SIGNING, "");
        let unasked = State::unknown(reasons::NOT_ASKED, "");
        let down = State::no(Reason::new(reasons::BACKEND_DOWN, "PERMISSION_DENIED"));
        let fresh = SignerBindingStatus::default();
        let before: SignerBindingStatus = serde_json::from_value(json!({"conditions": [{
            "type": "IdentityReady", "status": "True", "reason": "DirectGrant",
            "message": format!("The pods use the ServiceAccount voter. {CONFIRMED}"),
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }]}))
        .unwrap();
        for (signing, old, is_same_spec, expected) in [
            (&signs, &fresh, true, Truth::True),
            (&unasked, &fresh, true, Truth::Unknown),
            (&down, &fresh, true, Truth::Unknown),
            (&unasked, &before, true, Truth::True),
            (&unasked, &before, false, Truth::Unknown),
            (&down, &before, true, Truth::Unknown),
        ] {
            let found = proven(shown(), signing, old, is_same_spec);
            assert_eq!(found.truth, expected, "{} {is_same_spec}", signing.reason.code);
            let grant = if expected == Truth::True {
                CONFIRMED
            } else {
                UNCONFIRMED
            };
            assert_eq!(
                found.reason.message,
                format!("The pods use the ServiceAccount voter. {grant}")
            );
        }
        let other = State::yes(reasons::DIRECT_GRANT, "the pods use the ServiceAccount other");
        assert_eq!(proven(other, &unasked, &before, true).truth, Truth::Unknown);
        let local = State::yes(reasons::IDENTITY_NOT_NEEDED, NOT_NEEDED);
        assert_eq!(proven(local, &unasked, &fresh, true).truth, Truth::True);
    }
}
