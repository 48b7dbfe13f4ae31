//! Queries every running signer at its own interval, and wakes the binding of a signer with a new answer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use k8s_openapi::api::core::v1::Pod;
use kube::runtime::reflector::Store;

use super::answers::Answers;
use super::ask;
use super::injected::management;
use super::line::{Line, Waits};

/// How often due entries are checked.
const TICK: Duration = Duration::from_secs(1);

/// Concurrent queries. A signer that does not answer takes two seconds.
const AT_A_TIME: usize = 32;

impl Waits for Arc<Pod> {
    fn namespace(&self) -> &str {
        self.metadata.namespace.as_deref().unwrap_or_default()
    }

    fn uid(&self) -> &str {
        self.metadata.uid.as_deref().unwrap_or_default()
    }
}

/// Queries until it is dropped, and reports the pod of each signer with a new answer.
pub async fn run(pods: Store<Pod>, answers: Answers, tell: impl Fn(&Pod)) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let (mut line, mut asked) = (Line::empty(), FuturesUnordered::new());
    loop {
        tokio::select! {
            _ = ticks.tick() => line.set(due(&pods, &answers)),
            Some((pod, answer)) = asked.next() => {
                line.done(&pod);
                if answers.keep(&pod, answer, Instant::now()) {
                    tell(&pod);
                }
            }
        }
        while line.asked() < AT_A_TIME
            && let Some(pod) = line.take()
        {
            match management(&pod) {
                Some((address, port)) => asked.push(async move { (pod, ask::ask(address, port).await) }),
                None => line.done(&pod),
            }
        }
    }
}

/// The longest-waiting come first.
fn due(pods: &Store<Pod>, answers: &Answers) -> Vec<Arc<Pod>> {
    let (known, now) = (pods.state(), Instant::now());
    answers.forget_others(&known);
    let due = known.into_iter().filter(|pod| management(pod).is_some());
    let mut due: Vec<_> = due.filter_map(|pod| Some((answers.due(&pod, now)?, pod))).collect();
    due.sort_by_key(|(since, _)| *since);
    due.into_iter().map(|(_, pod)| pod).collect()
}
