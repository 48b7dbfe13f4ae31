//! Forgets bindings, Deployments and Secrets that no longer exist. A watch does not report every deletion, and memory must not
//! grow with past objects.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use futures::FutureExt;
use kube::Resource;
use kube::runtime::reflector::ObjectRef;

use super::context::Context;

const INTERVAL: Duration = Duration::from_mins(5);

/// Forgets periodically, until it is dropped.
pub async fn run(context: &Context) {
    let mut ticks = tokio::time::interval(INTERVAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        forget_gone(context).await;
    }
}

async fn forget_gone(context: &Context) {
    context.writer.ledger.forget_unseen(Instant::now());
    context.writer.pauses.forget_old(Instant::now());
    // Before the first list, it is unknown which bindings were deleted.
    if context.stores.bindings.wait_until_ready().now_or_never().is_none() {
        return;
    }
    let bindings = context.stores.bindings.state();
    let references: HashSet<_> = bindings.iter().map(|guarded| ObjectRef::from_obj(&**guarded)).collect();
    let uids: HashSet<_> = bindings
        .iter()
        .filter_map(|guarded| guarded.meta().uid.as_deref())
        .collect();
    context.schedule.backoff.retain(|uid| uids.contains(uid));
    context.stores.strays.retain(|uid| uids.contains(uid));
    context.writer.status_pace.retain(|uid| uids.contains(uid));
    context.writer.contest.retain(|uid| uids.contains(uid));
    context.schedule.resync.retain(|binding| references.contains(binding));
    context.writer.rollouts.forget(|binding| references.contains(binding));
    let decodable = bindings.iter().filter_map(|guarded| guarded.0.as_ref().ok());
    let secrets: HashSet<_> = decodable
        .map(|binding| {
            let namespace = binding.metadata.namespace.as_deref().unwrap_or_default();
            (namespace, binding.spec.token_secret_ref.name.as_str())
        })
        .collect();
    let is_named = |namespace: &str, name: &str| secrets.contains(&(namespace, name));
    context.sources.fingerprints.retain(is_named).await;
}
