//! What the signers said last, and when each is asked again.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;

use crate::model::pod::Answer;

/// How often a signer is asked.
const INTERVAL: Duration = Duration::from_secs(30);

/// How often one that does not sign is asked in its first minute, which is when it gets there.
const INTERVAL_AT_FIRST: Duration = Duration::from_secs(3);

const AT_FIRST: Duration = Duration::from_mins(1);

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

    pub fn is_due(&self, pod: &Pod) -> bool {
        let uid = pod.uid().unwrap_or_default();
        self.entries()
            .get(&uid)
            .is_none_or(|asked| asked.next <= Instant::now())
    }

    /// Keeps an answer, and says whether it is another one than before.
    pub fn keep(&self, pod: &Pod, answer: Answer) -> bool {
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

    pub fn forget_others(&self, pods: &[Arc<Pod>]) {
        let uids: HashSet<_> = pods.iter().filter_map(|pod| pod.metadata.uid.as_deref()).collect();
        let mut entries = self.entries();
        if entries.len() > uids.len() {
            entries.retain(|uid, _| uids.contains(uid.as_str()));
        }
    }
}
