//! Asks every signer that runs, again and again, and wakes the binding of one that answers something new.

use std::time::Duration;

use futures::StreamExt;
use k8s_openapi::api::core::v1::Pod;
use kube::runtime::reflector::Store;

use super::answers::Answers;
use super::ask;
use super::injected::management;

/// How often it is looked who is due.
const TICK: Duration = Duration::from_secs(1);

/// Signers asked at a time: one that does not answer takes two seconds.
const AT_A_TIME: usize = 32;

/// Asks until it is dropped, and tells of the pod of each signer that answers something new.
pub async fn run(pods: Store<Pod>, answers: Answers, tell: impl Fn(&Pod)) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let known = pods.state();
        answers.forget_others(&known);
        let due = known.into_iter().filter(|pod| answers.is_due(pod)).filter_map(|pod| {
            let (address, port) = management(&pod)?;
            Some(async move { (pod, ask::ask(address, port).await) })
        });
        let mut asked = futures::stream::iter(due).buffer_unordered(AT_A_TIME);
        while let Some((pod, answer)) = asked.next().await {
            if answers.keep(&pod, answer) {
                tell(&pod);
            }
        }
    }
}
