//! The driver: it calls the six steps and decides when to reconcile again.

pub mod apply;
pub mod contest;
pub mod context;
mod housekeeping;
pub mod ledger;
pub mod let_go;
pub mod observe;
mod pauses;
pub mod plan;
pub mod pods;
pub mod render;
pub mod rollout_limit;
pub mod run;
pub mod schedule;
pub mod status;
mod status_pace;
pub mod token;
pub mod validate;
mod watches;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crds::conditions::reasons;
use crds::{SignerBinding, WrittenBy};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use kube::core::DeserializeGuard;
use kube::runtime::controller::Action;
use kube::runtime::reflector::ObjectRef;
use kube::{Resource, ResourceExt};

use self::apply::report::Published;
use self::contest::Turn;
use self::context::Context;
use self::schedule::backoff::jitter;
use self::schedule::resync::{LOOK_AGAIN, LastLook, Resync};
use crate::model::applied::Applied;
use crate::model::binding::BindingRef;
use crate::model::binding::has_finalizer;
use crate::model::error::Error;
use crate::model::report::Report;

/// Reconciles one binding.
///
/// # Errors
/// Errors that a retry may solve. A problem that a person must fix is reported as a condition instead.
pub async fn reconcile(guarded: Arc<DeserializeGuard<SignerBinding>>, context: Arc<Context>) -> Result<Action, Error> {
    // The queue is drained before the process ends. The next leader handles its contents.
    if context.stopping.load(Ordering::SeqCst) {
        return Ok(Action::await_change());
    }
    let started = Instant::now();
    let _looked_at = match context
        .schedule
        .cooldown
        .begin(&*guarded, context.stores.bindings.len(), started)
    {
        Ok(looked_at) => looked_at,
        Err(left) => return Ok(Action::requeue(left)),
    };
    let under_way = context.metrics.progress.reconcile();
    let result = match &guarded.0 {
        Ok(cached) => {
            let reference = ObjectRef::from_obj(&*guarded);
            Box::pin(under_way.run(look(&context, cached, &reference))).await
        }
        Err(invalid) => Err(Error::Undecodable(guarded.name_any(), invalid.error.clone())),
    };
    context.metrics.reconcile(&result, started.elapsed());
    result
}

/// Reads everything, or only the Secrets if that is sufficient.
async fn look(context: &Context, cached: &SignerBinding, reference: &BindingRef) -> Result<Action, Error> {
    let started = Instant::now();
    match context.schedule.resync.begin(reference, started) {
        Resync::None(left) => return Ok(Action::requeue(left)),
        Resync::SecretsOnly(last) => match observe::are_unchanged(&context.sources, cached, &last.secrets).await {
            Ok(true) => {
                context.schedule.resync.end(reference, last.still(started));
                return Ok(Action::requeue(jitter(LOOK_AGAIN)));
            }
            Ok(false) => {}
            Err(error) => {
                context.schedule.resync.end(reference, last);
                return Err(error);
            }
        },
        Resync::Full => {}
    }
    let looked = Box::pin(look_at_everything(context, cached, started)).await;
    let settled = matches!(looked, Ok(Looked::Quiescent(_)));
    context
        .schedule
        .cooldown
        .end(cached, started.elapsed(), settled, Instant::now());
    match looked? {
        Looked::Quiescent(last) => {
            if let Some(last) = last {
                context.schedule.resync.end(reference, last);
            }
            Ok(Action::requeue(jitter(LOOK_AGAIN)))
        }
        Looked::Waits(action) => Ok(action),
    }
}

/// The result of reading everything.
enum Looked {
    /// Nothing is left to do. The state is kept if only unwatched Secrets can change it.
    Quiescent(Option<LastLook>),
    Waits(Action),
}

async fn look_at_everything(context: &Context, cached: &SignerBinding, started: Instant) -> Result<Looked, Error> {
    context.stores.are_filled().await?;
    let Some(binding) = observe::binding(&context.sources, cached).await? else {
        context.schedule.backoff.succeeded(cached);
        context.writer.rollouts.observe(cached, BTreeMap::new(), started);
        return Ok(Looked::Waits(Action::await_change()));
    };
    let other_operator = match whose_turn(context, &binding, started).await? {
        Ok(other) => other,
        Err(wait) => return Ok(Looked::Waits(wait)),
    };
    if binding.meta().deletion_timestamp.is_some() {
        return leave(context, &binding).await.map(Looked::Waits);
    }
    let mut observed = observe::observe(&context.sources, binding).await?; // client
    observed.other_operator = other_operator;
    let verdict = validate::validate(&observed, &context.settings); // pure
    let rendered = render::render_all(&verdict); // pure
    let was_applied = |uid: &str, hash: &str| context.writer.ledger.was_applied(uid, hash);
    let plan = plan::plan(&observed, rendered, &context.settings, was_applied); // pure
    let injects = plan.injects(&observed.binding);
    let finalizer =
        apply::finalizer::follow_policy(&context.writer, &observed.binding, injects, &context.settings.scope).await?; // client
    context
        .writer
        .rollouts
        .forget(|binding| context.stores.bindings.get(binding).is_some());
    let mut applied = apply::apply(&context.writer, &observed, plan, &finalizer).await?; // client
    apply::identity::release(&context.writer, &observed, verdict.accepted.is_ok(), &mut applied).await; // client
    let report = status::report(&observed, &verdict, &applied, &Time(Timestamp::now())); // pure
    let published = publish(context, &observed.binding, &applied, &report).await?; // client
    if let Some(error) = applied.failed {
        return Err(error);
    }
    // The other waiting changes now have a new plan that must be reported.
    if applied.has_removed() {
        return Ok(Looked::Waits(Action::requeue(Duration::ZERO)));
    }
    // A refusal may be resolved by a Secret, which is not watched.
    if let Some(refusal) = applied.refusal() {
        let wait = context.schedule.backoff.failed(&*observed.binding, refusal.code);
        let wait = published.left.map_or(wait, |left| wait.min(left));
        return Ok(Looked::Waits(Action::requeue(wait)));
    }
    context.schedule.backoff.succeeded(&*observed.binding);
    // A container that delays the signer is reported after some time, and no event wakes a reconcile then.
    let looks_again = observed.a_signer_waits_its_turn().then(|| jitter(LOOK_AGAIN));
    if let Some(wait) = published.left.into_iter().chain(looks_again).min() {
        return Ok(Looked::Waits(Action::requeue(wait)));
    }
    // Other pods with the ServiceAccount are not watched, and another operator does not report its end.
    let only_secrets = observed.binding.spec.workload_identity.is_none() && observed.other_operator.is_none();
    let last = only_secrets.then(|| LastLook::new(published.version, observed.secret_versions, started));
    Ok(Looked::Quiescent(last))
}

/// Whether this operator may write the binding, and which other one competes; or until when it leaves the binding to the other
/// one.
async fn whose_turn(
    context: &Context,
    binding: &SignerBinding,
    now: Instant,
) -> Result<Result<Option<WrittenBy>, Action>, Error> {
    let found = binding.status.as_ref().and_then(|status| status.operator.as_ref());
    let uid = binding.uid().unwrap_or_default();
    let says_so = status::says_contested(binding);
    let wait = match context.writer.contest.look(&uid, found, says_so, now) {
        Turn::Ours => return Ok(Ok(None)),
        Turn::OursWith(other) => {
            if !says_so {
                let binding = ObjectRef::from_obj(binding);
                tracing::warn!(%binding, ?other, "another operator also writes this binding; this operator continues to serve it; keep one of the two");
            }
            return Ok(Ok(Some(other)));
        }
        Turn::Theirs(wait) => wait.min(LOOK_AGAIN),
        Turn::Introduce(wait) => {
            apply::report::ask(&context.writer, binding).await?;
            let binding = ObjectRef::from_obj(binding);
            tracing::info!(%binding, ?found, "another operator wrote this binding last; this operator takes it over if that one does not answer");
            wait
        }
        Turn::Ask(other) => {
            apply::report::ask(&context.writer, binding).await?;
            let notice = status::contested_notice(other.as_ref());
            apply::report::tell(&context.writer, binding, None, &notice).await;
            let binding = ObjectRef::from_obj(binding);
            tracing::warn!(%binding, ?other, "another operator also writes this binding, and this operator leaves it alone; keep one of the two");
            LOOK_AGAIN
        }
    };
    Ok(Err(Action::requeue(jitter(wait))))
}

/// Restores the Deployments of a binding that is being deleted, then removes the finalizer.
async fn leave(context: &Context, binding: &SignerBinding) -> Result<Action, Error> {
    if !has_finalizer(binding) {
        return Ok(Action::await_change());
    }
    context
        .writer
        .rollouts
        .observe(binding, BTreeMap::new(), Instant::now());
    let mut failed = None;
    for live in observe::to_restore(&context.sources, binding).await? {
        match apply::removal::restore(&context.writer, &live).await {
            Ok(removed) => {
                if let Some(notice) = status::removal_notice(live.name(), removed) {
                    apply::report::tell(&context.writer, binding, Some(&live), &notice).await;
                }
                let restored = apply::identity::restore(&context.writer, &live).await;
                let account = live.service_account();
                failed = restored
                    .err()
                    .map(|error| (keeps_annotation(account), error))
                    .or(failed);
            }
            // A failure for one Deployment does not prevent restoring the others.
            Err(error) => failed = Some((format!("Deployment {} keeps its signer", live.name()), error)),
        }
    }
    for account in observe::accounts_to_restore(&context.sources, binding).await? {
        let namespace = binding.namespace().unwrap_or_default();
        if let Err(error) = apply::identity::restore_account(&context.writer, &namespace, &account).await {
            failed = Some((keeps_annotation(&account), error));
        }
    }
    if failed.is_none() {
        let dropped = apply::finalizer::drop(&context.writer, binding).await;
        failed = dropped.err().map(|error| (KEEPS_FINALIZER.to_owned(), error));
    }
    let Some((what, error)) = failed else {
        context.schedule.backoff.succeeded(binding);
        return Ok(Action::await_change());
    };
    let Some(refusal) = error.refusal() else {
        return Err(error);
    };
    let now = Time(Timestamp::now());
    let report = status::removal_refused(binding, &what, &refusal.message, &now); // pure
    publish(context, binding, &Applied::nothing(), &report).await?;
    let wait = context.schedule.backoff.failed(binding, reasons::REJECTED);
    Ok(Action::requeue(wait))
}

const KEEPS_FINALIZER: &str = "this SignerBinding keeps its finalizer, after its signers were taken out";

fn keeps_annotation(account: &str) -> String {
    format!("ServiceAccount {account} keeps the annotation of its Google service account")
}

/// Writes the status. If that is refused, reports it in an Event.
async fn publish(
    context: &Context,
    binding: &SignerBinding,
    applied: &Applied,
    report: &Report,
) -> Result<Published, Error> {
    let result = apply::report::publish(&context.writer, binding, applied, report).await;
    if let Err(error) = &result
        && !error.is_paused()
        && let Some(refusal) = error.refusal()
    {
        let notice = status::status_refused_notice(&refusal.message);
        apply::report::tell(&context.writer, binding, None, &notice).await;
    }
    result
}

/// Handles an error: logs it once, and retries with increasing pauses.
#[allow(clippy::needless_pass_by_value, reason = "kube-runtime gives the signature")]
pub fn error_policy(guarded: Arc<DeserializeGuard<SignerBinding>>, error: &Error, context: Arc<Context>) -> Action {
    let key = ObjectRef::from_obj(&*guarded).to_string();
    // A refusal is logged once, where the request is sent.
    if matches!(error, Error::Changed(_)) || error.is_paused() || error.refusal().is_some() {
        tracing::debug!(binding = %key, %error, "a reconcile is repeated");
    } else {
        tracing::warn!(binding = %key, %error, category = error.category(), "a reconcile failed and is repeated");
    }
    let wait = context.schedule.backoff.failed(&*guarded, error.category());
    Action::requeue(wait.max(error.retry_after().unwrap_or_default()))
}
