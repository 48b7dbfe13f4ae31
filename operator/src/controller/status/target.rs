//! The report about one Deployment.

use crds::conditions::{reasons, types};
use crds::{DefaultResources, Effective, SignerBindingStatus, TargetStatus};

use super::recorded::{Recorded, recorded};
use super::{beside, held, identity, rollout, signing, strays};
use crate::controller::status::state::{State, States};
use crate::model::applied::{Applied, AppliedTarget, ChangedBy, Written};
use crate::model::binding::{is_true, last_hash, removes, was_injected};
use crate::model::deployment::{LiveDeployment, token_secret};
use crate::model::injection::Verdict;
use crate::model::observed::{Observed, Selection};
use crate::model::pod::{InjectedPod, SignerIdentity};
use crate::model::reason::Reason;
use crate::model::text::shorten;
use crate::template::hash::token_part;

/// The report about one Deployment.
pub struct Reported {
    pub status: TargetStatus,
    pub states: States,
    /// The identity that its signers report.
    pub signer: Option<SignerIdentity>,
    pub written: Written,
    /// The manager whose change was restored.
    pub changed_by: Option<ChangedBy>,
    pub resumed: bool,
    /// Conditions describe only selected Deployments.
    pub is_selected: bool,
}

/// Reports the target at this index.
pub fn report(
    observed: &Observed,
    verdict: &Verdict,
    applied: &Applied,
    old: &SignerBindingStatus,
    index: usize,
) -> Reported {
    let target = &observed.targets[index];
    let applied = &applied.targets[index];
    let live = applied.deployment.as_ref();
    let before = Before::of(old, &target.name, observed);
    let accepted = State::of(
        &verdict.targets[index].accepted,
        reasons::ACCEPTED,
        "The operator manages this binding",
    );
    let identity = match (&applied.identity, applied.outcome.is_ok()) {
        (Ok(()), injected) => identity::state(observed, &target.name, &verdict.targets[index].identity, injected),
        (Err(refusal), _) => State::no(refusal.clone()),
    };
    let injected = injected(applied, &before, &verdict.effective);
    let settled = before.was_rolled_out && applied.written == Written::Nothing;
    let pods = signing::current(&target.pods, live);
    let expected = observed.binding.spec.key.expected_address.as_deref();
    let old_pods = beside::old_pods(target, live);
    let signing = signing::state(injected.is_true(), &pods, live, expected, old, old_pods);
    let token = match rotation(applied, live, &target.pods) {
        Some(pending) if verdict.token.is_ok() => pending,
        _ => token(verdict),
    };
    let is_same_spec = old.observed_generation == observed.binding.metadata.generation;
    let identity = identity::proven(identity, &signing, old, is_same_spec);
    let mut rolled_out = held::state(live, &[&accepted, &token, &identity, &injected])
        .unwrap_or_else(|| rollout::state(injected.is_true(), settled, live, &pods));
    if rolled_out.reason.code == reasons::SCALED_TO_ZERO {
        let elsewhere = live.and_then(|live| strays::told(observed, target, live));
        rolled_out.reason.message += &elsewhere.unwrap_or_default();
    }
    let Recorded { hash, fingerprint } = recorded(applied, before.target, is_same_spec);
    let is_to_be_removed = target.selection == Selection::Departs && removes(&observed.binding);
    let is_its_own = is_to_be_removed || (target.is_selected() && !is_taken(&verdict.targets[index].accepted));
    // It also marks a Deployment whose signer is still to be removed, so it stays in addition to the hash there.
    let last_hash = before
        .last_hash
        .filter(|_| is_to_be_removed || (is_its_own && hash.is_none()));
    let steps = [accepted, token, identity, injected, rolled_out, signing];
    let ready = ready(&steps, live, &pods);
    // The injection stays this binding's while a refusal prevents writing it again.
    let is_injected = applied.outcome.is_ok()
        || (was_injected(&observed.binding, &target.name) && live.is_some_and(LiveDeployment::owns_signer));
    let signer_resources = match &verdict.targets[index].injection {
        Ok(injection) if applied.outcome.is_ok() && !applied.update => injection.resources.default_resources(),
        _ => before.signer_resources.filter(|_| is_injected),
    };
    let told = match &applied.outcome {
        Err(refusal) if !target.is_selected() => refusal,
        _ => &ready.reason,
    };
    let status = TargetStatus {
        name: target.name.clone(),
        injected: is_injected,
        pods: live.map_or(0, |live| clamp(live.replicas())),
        ready: live
            .filter(|_| is_injected)
            .map_or(0, |live| clamp(rollout::ready_pods(live))),
        hash,
        fingerprint,
        signer_resources,
        last_hash,
        reason: told.code.to_owned(),
        message: shorten(&told.message, 4096),
    };
    let [accepted, token, identity, injected, rolled_out, signing] = steps;
    Reported {
        status,
        states: [accepted, token, identity, injected, rolled_out, signing, ready],
        signer: signing::identity(&pods),
        written: applied.written,
        changed_by: applied.changed_by.clone(),
        resumed: applied.resumed,
        is_selected: target.is_selected(),
    }
}

/// Whether another binding serves the Deployment and owns its injection now.
fn is_taken(accepted: &Result<(), Reason>) -> bool {
    matches!(accepted, Err(refusal) if refusal.code == reasons::TARGET_TAKEN)
}

/// The state of the token, which all Deployments of a binding share.
pub fn token(verdict: &Verdict) -> State {
    match &verdict.token {
        Ok(found) => State::yes(found.code, found.message.clone()),
        Err(refusal) => State::no(refusal.clone()),
    }
}

/// Node and signer read the Secret when their containers start. While the rollout with the new value is held or paused, the next
/// container that restarts alone has a different token from the other one.
fn rotation(applied: &AppliedTarget, live: Option<&LiveDeployment>, pods: &[InjectedPod]) -> Option<State> {
    let live = live?;
    let (token, secret) = (token_part(live.injected_hash()?), token_secret(live.signer()?));
    let is_older = |pod: &InjectedPod| {
        let of_pod = pod.token.as_ref().map(|(name, key)| (name.as_str(), key.as_str()));
        token_part(&pod.hash) != token && of_pod == secret
    };
    let is_paused = live.is_paused() && pods.iter().any(is_older);
    (applied.rotation || is_paused).then(|| {
        State::no(Reason::new(
            reasons::ROTATION_PENDING,
            format!(
                "The token has changed, and the rollout of Deployment {} that gives it to node and signer is held. If either container restarts before the rollout, node and signer use different tokens and votes are lost. Let the rollout continue, or restore the old token. What holds it: {}",
                live.name(),
                what_holds(applied, live)
            ),
        ))
    })
}

/// What holds a rollout, as far as the operator knows it in words of its own.
fn what_holds(applied: &AppliedTarget, live: &LiveDeployment) -> String {
    const TOLD: [&str; 5] = [
        reasons::APPROVAL_PENDING,
        reasons::TAKE_OVER_PENDING,
        reasons::CONTAINER_CHANGE_PENDING,
        reasons::SUSPENDED,
        reasons::ROLLOUT_QUEUED,
    ];
    match &applied.outcome {
        Err(refusal) if TOLD.contains(&refusal.code) => refusal.message.clone(),
        Ok(()) if live.is_paused() => format!(
            "the Deployment is paused. To resume it, which replaces the pods: kubectl rollout resume deployment/{} --namespace {}",
            live.name(),
            live.namespace()
        ),
        _ => "see the condition Injected".to_owned(),
    }
}

/// The earlier status of this Deployment for the same spec.
struct Before<'a> {
    target: Option<&'a TargetStatus>,
    was_injected: bool,
    was_rolled_out: bool,
    signer_resources: Option<DefaultResources>,
    last_hash: Option<String>,
}

impl<'a> Before<'a> {
    fn of(old: &'a SignerBindingStatus, name: &str, observed: &Observed) -> Self {
        let among_others = observed.targets.len() > 1;
        let target = old.targets.iter().find(|target| target.name == name);
        let is_same_spec = old.observed_generation == observed.binding.metadata.generation;
        let says = |reason: &str| target.is_some_and(|target| target.reason == reason);
        Self {
            target,
            // The condition is False for all Deployments while one fails.
            was_injected: is_same_spec
                && (is_true(old, types::INJECTED) || (among_others && target.is_some_and(|target| target.injected))),
            was_rolled_out: is_true(old, types::ROLLED_OUT)
                || (among_others && (says(reasons::READY) || says(reasons::PODS_NOT_READY))),
            signer_resources: target.and_then(|target| target.signer_resources),
            last_hash: last_hash(&observed.binding, name).map(str::to_owned),
        }
    }
}

fn injected(applied: &AppliedTarget, before: &Before<'_>, effective: &Effective) -> State {
    match &applied.outcome {
        Ok(()) => {
            let signer = applied.deployment.as_ref().and_then(LiveDeployment::signer);
            let image = signer.and_then(|signer| signer["image"].as_str());
            State::yes(
                reasons::INJECTED,
                format!(
                    "The pod template contains the signer ({}), and the node uses http://localhost:{}",
                    image.unwrap_or(&effective.image),
                    effective.api_port
                ),
            )
        }
        // A Deployment that is not written now is still injected, as long as the binding has not changed since the last write.
        Err(refusal)
            if matches!(
                refusal.code,
                reasons::NOT_ACCEPTED | reasons::TOKEN_NOT_READY | reasons::IDENTITY_NOT_READY | reasons::KEY_NOT_FOUND
            ) && before.was_injected
                && applied.deployment.as_ref().is_some_and(LiveDeployment::owns_signer) =>
        {
            State::yes(reasons::INJECTED, refusal.message.clone())
        }
        Err(refusal) => State::no(refusal.clone()),
    }
}

/// True if all conditions are true or unknown. Otherwise the reason comes from the first condition that is False.
fn ready(states: &[State], live: Option<&LiveDeployment>, pods: &[&InjectedPod]) -> State {
    if let Some(failing) = states.iter().find(|state| state.is_false()) {
        return failing.clone();
    }
    let at_zero = states
        .iter()
        .find(|state| state.is_true() && state.reason.code == reasons::SCALED_TO_ZERO);
    match at_zero {
        Some(rolled_out) => rolled_out.clone(),
        None if live.is_some_and(|live| rollout::ready_pods(live) < live.replicas()) => rollout::stuck(pods)
            .unwrap_or_else(|| {
                let told = live.map(rollout::not_ready).unwrap_or_default();
                State::no(Reason::new(reasons::PODS_NOT_READY, told))
            }),
        None => State::yes(reasons::READY, "The pods run with their signer"),
    }
}

fn clamp(count: i64) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}
