//! The driver: it calls the six steps and decides when to look again.

pub mod apply;
pub mod context;
pub mod ledger;
pub mod observe;
pub mod plan;
pub mod pods;
pub mod render;
pub mod rollout_limit;
pub mod run;
pub mod schedule;
pub mod status;
pub mod token;
pub mod validate;
mod watches;

use crate::model::binding::has_finalizer;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use crds::SignerBinding;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use kube::core::DeserializeGuard;
use kube::runtime::controller::Action;
use kube::runtime::reflector::ObjectRef;
use kube::{Resource, ResourceExt};

use self::context::Context;
use self::schedule::backoff::jitter;
use self::schedule::resync::{Due, LOOK_AGAIN, Settled};
use crate::model::binding::Binding;
use crate::model::error::Error;

/// One reconcile of one binding.
///
/// # Errors
/// Anything worth another try; what a person has to mend is not an error but a condition.
pub async fn reconcile(guarded: Arc<DeserializeGuard<SignerBinding>>, context: Arc<Context>) -> Result<Action, Error> {
    // The queue is emptied before the process ends. What waits in it is the next leader's.
    if context.stopping.load(Ordering::SeqCst) {
        return Ok(Action::await_change());
    }
    let started = Instant::now();
    let _looked_at = match context.rests.begin(&*guarded, context.bindings.len(), started) {
        Ok(looked_at) => looked_at,
        Err(left) => return Ok(Action::requeue(left)),
    };
    let _under_way = context.metrics.progress.reconcile();
    let result = match &guarded.0 {
        Ok(cached) => look(&context, cached, &ObjectRef::from_obj(&*guarded)).await,
        Err(invalid) => Err(Error::Undecodable(guarded.name_any(), invalid.error.clone())),
    };
    context.metrics.reconcile(&result, started.elapsed());
    result
}

/// Looks at everything, or at the Secrets alone where that is enough.
async fn look(context: &Context, cached: &SignerBinding, reference: &Binding) -> Result<Action, Error> {
    let started = Instant::now();
    match context.unwatched.begin(reference, started) {
        Due::Nothing(left) => return Ok(Action::requeue(left)),
        Due::Secrets(settled) => match observe::are_unchanged(context, cached, &settled.secrets).await {
            Ok(true) => {
                context.unwatched.settle(reference, settled.still(started));
                return Ok(Action::requeue(jitter(LOOK_AGAIN)));
            }
            Ok(false) => {}
            Err(error) => {
                context.unwatched.settle(reference, settled);
                return Err(error);
            }
        },
        Due::Everything => {}
    }
    let looked = look_at_everything(context, cached, started).await;
    let settled = matches!(looked, Ok(Looked::Settled(_)));
    context.rests.end(cached, started.elapsed(), settled, Instant::now());
    match looked? {
        Looked::Settled(settled) => {
            if let Some(settled) = settled {
                context.unwatched.settle(reference, settled);
            }
            Ok(Action::requeue(jitter(LOOK_AGAIN)))
        }
        Looked::Waits(action) => Ok(action),
    }
}

/// What looking at everything came to.
enum Looked {
    /// Nothing is left to do; how that is left, where the Secrets are all that is not watched.
    Settled(Option<Settled>),
    Waits(Action),
}

async fn look_at_everything(context: &Context, cached: &SignerBinding, started: Instant) -> Result<Looked, Error> {
    context.watches_are_ready().await?;
    let Some(binding) = observe::binding(context, cached).await? else {
        context.backoff.succeeded(cached);
        context.rollouts.observe(cached, BTreeSet::new());
        return Ok(Looked::Waits(Action::await_change()));
    };
    if binding.meta().deletion_timestamp.is_some() {
        return leave(context, &binding).await.map(Looked::Waits);
    }
    let observed = observe::observe(context, binding).await?; // client
    let verdict = validate::validate(&observed, &context.settings); // pure
    let rendered = render::render_all(&verdict); // pure
    let plan = plan::plan(&observed, rendered, &context.settings); // pure
    apply::finalizer::follow_policy(context, &observed.binding, plan.injects(&observed.binding)).await?; // client
    let applied = apply::apply(context, &observed, plan).await?; // client
    let report = status::report(&observed, &verdict, &applied, &Time(Timestamp::now())); // pure
    let version = apply::report::publish(context, &observed.binding, &applied, &report).await?; // client
    if let Some(error) = applied.failed {
        return Err(error);
    }
    // What a refusal waits for may be a Secret, which no watch would tell of.
    if let Some(refusal) = applied.refusal() {
        let wait = context.backoff.failed(&*observed.binding, refusal.reason);
        return Ok(Looked::Waits(Action::requeue(wait)));
    }
    context.backoff.succeeded(&*observed.binding);
    // Other pods that use the ServiceAccount are not watched either.
    let only_secrets = observed.binding.spec.workload_identity.is_none();
    let settled = only_secrets.then(|| Settled::new(version, observed.secret_versions, started));
    Ok(Looked::Settled(settled))
}

/// Restores the Deployments of a binding that is being deleted, then lets the binding go.
async fn leave(context: &Context, binding: &SignerBinding) -> Result<Action, Error> {
    if !has_finalizer(binding) {
        return Ok(Action::await_change());
    }
    context.backoff.succeeded(binding);
    context.rollouts.observe(binding, BTreeSet::new());
    let mut failed = None;
    for live in observe::to_restore(context, binding).await? {
        match apply::removal::leave(context, &live).await {
            Ok(removed) => {
                if let Some(notice) = status::removal_notice(live.name(), removed) {
                    apply::report::tell(context, binding, Some(&live), &notice).await;
                }
            }
            // One Deployment does not keep another from being restored.
            Err(error) => failed = Some(error),
        }
    }
    if let Some(error) = failed {
        return Err(error);
    }
    apply::finalizer::drop(context, binding).await?;
    Ok(Action::await_change())
}

/// What to do after an error: log it once, and look again after a wait that grows.
#[allow(clippy::needless_pass_by_value, reason = "kube-runtime gives the signature")]
pub fn error_policy(guarded: Arc<DeserializeGuard<SignerBinding>>, error: &Error, context: Arc<Context>) -> Action {
    let key = ObjectRef::from_obj(&*guarded).to_string();
    if matches!(error, Error::Changed(_)) {
        tracing::debug!(binding = %key, %error, "a reconcile is made again");
    } else {
        tracing::warn!(binding = %key, %error, category = error.category(), "a reconcile failed and is tried again");
    }
    Action::requeue(context.backoff.failed(&*guarded, error.category()))
}
