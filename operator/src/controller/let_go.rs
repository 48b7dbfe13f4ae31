//! A separate driver for Deployments that are held until their signer is injected. If the binding no longer exists, no reconcile
//! would handle them.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use k8s_openapi::api::apps::v1::Deployment;
use kube::ResourceExt;
use kube::api::PartialObjectMeta;

use super::context::Context;
use super::schedule::held::{Due, HeldLooks};
use super::{apply, observe, status};
use crate::model::error::Error;

/// How often due entries are checked. Without held Deployments, a check costs nothing.
const TICK: Duration = Duration::from_secs(1);

/// Runs until it is dropped.
pub async fn run(context: Arc<Context>) {
    // Before the first list, no binding seems to name the Deployment.
    if context.stores.bindings.wait_until_ready().await.is_err() {
        return std::future::pending().await;
    }
    let mut looks = HeldLooks::default();
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let held = context.stores.held.state();
        looks.retain(&held.iter().filter_map(|held| held.uid()).collect());
        for deployment in held {
            if context.stopping.load(Ordering::SeqCst) {
                break;
            }
            let uid = deployment.uid().unwrap_or_default();
            let version = deployment.resource_version().unwrap_or_default();
            let is_claimed = observe::held::is_claimed(&context.sources, &deployment);
            let Some(due) = looks.due(&uid, &version, is_claimed, Instant::now()) else {
                continue;
            };
            match look(&context, &deployment, due).await {
                Ok(Looked::Stays) => looks.looked(&uid, &version),
                Ok(Looked::Waits) => looks.seen(&uid, &version),
                Ok(Looked::IsLetGo) => {}
                Ok(Looked::Refused(why)) => {
                    tell(&deployment, &why);
                    looks.failed(&uid, Instant::now());
                }
                Err(error) => {
                    tell(&deployment, &error.to_string());
                    looks.failed(&uid, Instant::now());
                }
            }
        }
    }
}

enum Looked {
    /// A binding names it.
    Stays,
    /// No binding names it, but one may follow.
    Waits,
    IsLetGo,
    Refused(String),
}

fn tell(deployment: &PartialObjectMeta<Deployment>, error: &str) {
    let (namespace, name) = (deployment.namespace().unwrap_or_default(), deployment.name_any());
    tracing::warn!(%namespace, deployment = %name, error, "a held Deployment could not be resumed; the operator tries again later");
}

/// Resumes it, unless a binding names it.
async fn look(context: &Context, deployment: &PartialObjectMeta<Deployment>, due: Due) -> Result<Looked, Error> {
    let namespace = deployment.namespace().unwrap_or_default();
    let Some(held) = observe::held::held(&context.sources, &namespace, &deployment.name_any()).await? else {
        return Ok(Looked::IsLetGo);
    };
    if !held.is_over() {
        return Ok(Looked::Stays);
    }
    let was_resumed = !held.live.is_paused();
    if !was_resumed && due != Due::Unclaimed {
        return Ok(Looked::Waits);
    }
    match apply::resume::resume(&context.writer, &held.live).await? {
        Err(refusal) => {
            apply::report::tell_deployment(
                &context.writer,
                &held.live,
                &status::not_let_go_notice(&refusal.message),
            )
            .await;
            return Ok(Looked::Refused(refusal.message));
        }
        Ok(_) if was_resumed => {}
        Ok(after) => {
            tracing::warn!(%namespace, deployment = after.name(), "resumed a Deployment that was held for its signer: no SignerBinding names it any more");
            apply::report::tell_deployment(&context.writer, &after, &status::let_go_notice(after.name())).await;
        }
    }
    Ok(Looked::IsLetGo)
}
