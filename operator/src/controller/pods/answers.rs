//! Which signers may be queried, their last answers, and when each is queried again.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;

use crate::model::pod::Answer;

/// How often a signer is queried.
const INTERVAL: Duration = Duration::from_secs(30);

/// How often a signer that does not sign yet is queried in its first minute, in which most begin to sign.
const INTERVAL_AT_FIRST: Duration = Duration::from_secs(3);

const AT_FIRST: Duration = Duration::from_mins(1);

/// How long the owner of a pod is trusted. Every existing binding is checked more often than that.
const BELIEVED: Duration = Duration::from_mins(30);

/// The pods of bound Deployments, by uid. Anyone may set labels, and a pod reports its own address, so a pod that is not in this
/// map is never queried.
#[derive(Clone, Default)]
pub struct Answers(Arc<Mutex<HashMap<String, Entry>>>);

struct Entry {
    owned: Instant,
    last: Option<Last>,
}

struct Last {
    answer: Answer,
    first: Instant,
    next: Instant,
}

impl Answers {
    fn entries(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records whether a pod belongs to a bound Deployment, according to its chain of owners.
    pub fn note(&self, pod: &Pod, is_owned: bool, now: Instant) {
        let uid = pod.uid().unwrap_or_default();
        let mut entries = self.entries();
        if is_owned {
            let entry = entries.entry(uid).or_insert(Entry { owned: now, last: None });
            entry.owned = now;
        } else {
            entries.remove(&uid);
        }
    }

    pub fn of(&self, pod: &Pod) -> Option<Answer> {
        let entries = self.entries();
        let last = entries.get(pod.metadata.uid.as_deref()?)?.last.as_ref()?;
        Some(last.answer.clone())
    }

    /// Since when a pod waits for a query. None if it does not.
    pub fn due(&self, pod: &Pod, now: Instant) -> Option<Instant> {
        let entries = self.entries();
        let entry = entries.get(pod.metadata.uid.as_deref()?)?;
        if now.saturating_duration_since(entry.owned) >= BELIEVED {
            return None;
        }
        let due = entry.last.as_ref().map_or(entry.owned, |last| last.next);
        (due <= now).then_some(due)
    }

    /// Keeps an answer. Returns whether it differs from the previous one.
    pub fn keep(&self, pod: &Pod, answer: Answer, now: Instant) -> bool {
        let mut entries = self.entries();
        // The pod may have been deleted meanwhile.
        let Some(entry) = entries.get_mut(&pod.uid().unwrap_or_default()) else {
            return false;
        };
        let is_new = entry.last.as_ref().is_none_or(|last| last.answer != answer);
        let first = entry.last.as_ref().map_or(now, |last| last.first);
        let settles = matches!(answer, Answer::Up(_)) || now.saturating_duration_since(first) > AT_FIRST;
        let next = now + if settles { INTERVAL } else { INTERVAL_AT_FIRST };
        entry.last = Some(Last { answer, first, next });
        is_new
    }

    pub fn forget_others(&self, pods: &[Arc<Pod>]) {
        let uids: HashSet<_> = pods.iter().filter_map(|pod| pod.metadata.uid.as_deref()).collect();
        self.entries().retain(|uid, _| uids.contains(uid.as_str()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(uid: &str) -> Pod {
        let mut pod = Pod::default();
        pod.metadata.uid = Some(uid.to_owned());
        pod
    }

    #[test]
    fn only_a_pod_that_was_found_to_be_owned_is_asked() {
        let (answers, now) = (Answers::default(), Instant::now());
        let (ours, stray) = (pod("ours"), pod("stray"));
        answers.note(&ours, true, now);
        answers.note(&stray, false, now);
        assert_eq!([answers.due(&ours, now), answers.due(&stray, now)], [Some(now), None]);
        assert_eq!(answers.due(&ours, now + BELIEVED), None, "nobody has looked since");
        assert!(answers.keep(&ours, Answer::Up(None), now));
        assert!(!answers.keep(&ours, Answer::Up(None), now), "the same answer");
        assert_eq!(answers.due(&ours, now), None, "asked a moment ago");
        let later = now + INTERVAL;
        assert_eq!(answers.due(&ours, later), Some(later));
        answers.note(&ours, false, later);
        assert!(!answers.keep(&ours, Answer::Unreachable, later));
        assert_eq!((answers.due(&ours, later), answers.of(&ours)), (None, None));
        answers.note(&ours, true, later);
        answers.forget_others(&[Arc::new(stray)]);
        assert_eq!(answers.due(&ours, later), None, "it is gone");
    }

    #[test]
    fn one_that_does_not_sign_yet_is_asked_again_soon() {
        let (answers, now) = (Answers::default(), Instant::now());
        answers.note(&pod("a"), true, now);
        answers.keep(&pod("a"), Answer::Unreachable, now);
        let soon = now + INTERVAL_AT_FIRST;
        assert_eq!(answers.due(&pod("a"), soon), Some(soon));
        let late = now + AT_FIRST * 2;
        answers.keep(&pod("a"), Answer::Unreachable, late);
        assert_eq!(answers.due(&pod("a"), late + INTERVAL_AT_FIRST), None);
    }
}
