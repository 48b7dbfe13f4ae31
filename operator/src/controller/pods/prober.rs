//! Asks every signer that runs, again and again, and wakes the binding of one that answers something new.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crds::SignerBinding;
use futures::StreamExt;
use futures::channel::mpsc::UnboundedSender;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::core::DeserializeGuard;
use kube::runtime::reflector::{ObjectRef, Store};

use super::{ask, management};
use crate::controller::watches::mappers;
use crate::model::pod::Answer;

type Guarded = DeserializeGuard<SignerBinding>;

/// How often a signer is asked.
const INTERVAL: Duration = Duration::from_secs(30);

/// How often one that does not sign is asked in its first minute, which is when it gets there.
const INTERVAL_AT_FIRST: Duration = Duration::from_secs(3);
const AT_FIRST: Duration = Duration::from_mins(1);

/// How often it is looked who is due.
const TICK: Duration = Duration::from_secs(1);

/// Signers asked at a time: one that does not answer takes two seconds.
const AT_A_TIME: usize = 32;

/// What the signers said last, by the uid of their pod.
#[derive(Clone, Default)]
pub struct Answers(Arc<Mutex<HashMap<String, Asked>>>);

struct Asked {
    answer: Answer,
    first: Instant,
    next: Instant,
}

impl Answers {
    fn entries(&self) -> MutexGuard<'_, HashMap<String, Asked>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn of(&self, pod: &Pod) -> Option<Answer> {
        let uid = pod.uid().unwrap_or_default();
        self.entries().get(&uid).map(|asked| asked.answer.clone())
    }

    fn is_due(&self, pod: &Pod) -> bool {
        let uid = pod.uid().unwrap_or_default();
        self.entries()
            .get(&uid)
            .is_none_or(|asked| asked.next <= Instant::now())
    }

    /// Keeps an answer, and says whether it is another one than before.
    fn keep(&self, pod: &Pod, answer: Answer) -> bool {
        let now = Instant::now();
        let mut entries = self.entries();
        let asked = entries.entry(pod.uid().unwrap_or_default());
        let known = asked.or_insert_with(|| Asked {
            answer: answer.clone(),
            first: now,
            next: now,
        });
        let is_new = known.answer != answer || known.next == known.first;
        let settles = matches!(answer, Answer::Up(_)) || now - known.first > AT_FIRST;
        known.next = now + if settles { INTERVAL } else { INTERVAL_AT_FIRST };
        known.answer = answer;
        is_new
    }

    fn forget_others(&self, pods: &[Arc<Pod>]) {
        let uids: HashSet<_> = pods.iter().filter_map(|pod| pod.metadata.uid.as_deref()).collect();
        let mut entries = self.entries();
        if entries.len() > uids.len() {
            entries.retain(|uid, _| uids.contains(uid.as_str()));
        }
    }
}

/// Asks until it is dropped.
pub async fn run(
    pods: Store<Pod>,
    answers: Answers,
    bindings: Store<Guarded>,
    wake: UnboundedSender<ObjectRef<Guarded>>,
) {
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
                for binding in mappers::of_pod(&bindings, &pod) {
                    // The other end is gone when the operator stops.
                    let _ = wake.unbounded_send(binding);
                }
            }
        }
    }
}
