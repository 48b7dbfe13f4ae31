//! The service over a scripted backend. Time is paused: it advances to the next timer.

mod calls;
mod silences;

use std::{sync::Arc, task::Poll, time::Duration};

use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use super::{
    Remote,
    scripted::{Scripted, Step},
};
use crate::{
    backend::{Backend, BackendError, Cause, Fault, Signature, verify},
    telemetry::{BackendHealth, Health, Metrics},
};

const DEADLINE: Duration = Duration::from_millis(900);
const FAST: Step = Step::Sign(Duration::from_millis(5));

struct Subject {
    remote: Arc<Remote>,
    backend: Scripted,
    health: Arc<BackendHealth>,
    metrics: Metrics,
}

fn subject(steps: impl IntoIterator<Item = Step>, then: Step) -> Subject {
    let (backend, health) = (Scripted::new(steps, then), Arc::<BackendHealth>::default());
    let metrics = Metrics::new("GCP").unwrap();
    let backend_metrics = Arc::new(metrics.add_backend().unwrap());
    let remote = Arc::new(Remote::new(
        Arc::new(backend.clone()),
        backend.public_key(),
        DEADLINE,
        health.clone(),
        backend_metrics,
    ));
    Subject {
        remote,
        backend,
        health,
        metrics,
    }
}

fn hash(number: u32) -> [u8; 32] {
    let mut hash = [0; 32];
    hash[..4].copy_from_slice(&number.to_le_bytes());
    hash
}

fn milliseconds(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

impl Subject {
    async fn sign(&self, number: u32) -> Result<Signature, BackendError> {
        self.remote.sign_for(&hash(number), Instant::now()).await.result
    }

    /// Like the node: requests, and repeats the request one second after each answer without a signature.
    async fn insist(&self, number: u32) -> Signature {
        loop {
            if let Ok(signature) = self.sign(number).await {
                return signature;
            }
            sleep(Duration::from_secs(1)).await;
        }
    }

    /// When calls for a hash were sent, in milliseconds after the first one.
    fn gaps(&self, number: u32) -> Vec<u128> {
        let times = self.backend.times(&hash(number));
        times.iter().map(|time| (*time - times[0]).as_millis()).collect()
    }

    fn watch(&self) {
        tokio::spawn(self.remote.watch());
    }

    async fn open_breaker(&self) {
        self.backend.change(Step::Fail(Cause::Unavailable));
        let mut callers = JoinSet::new();
        for number in 1000..1005 {
            let remote = self.remote.clone();
            callers.spawn(async move { remote.sign_for(&hash(number), Instant::now()).await.result });
        }
        for answer in callers.join_all().await {
            assert_eq!(answer, Err(BackendError::Broken));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn equal_hashes_share_one_call_and_later_ones_the_cache() {
    let subject = subject([], FAST);
    let mut callers = JoinSet::new();
    for _ in 0..1000 {
        let remote = subject.remote.clone();
        callers.spawn(async move { remote.sign_for(&hash(1), Instant::now()).await.result });
    }
    let key = subject.remote.public_key();
    for answer in callers.join_all().await {
        assert_eq!(verify(key, &hash(1), &answer.unwrap()), Ok(()));
    }
    subject.sign(1).await.unwrap();
    assert_eq!(subject.backend.calls().len(), 1);
    subject.sign(2).await.unwrap();
    assert_eq!(subject.backend.calls().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_slow_call_outlives_its_caller_who_is_answered_in_time() {
    let subject = subject([], Step::Sign(milliseconds(1200)));
    let start = Instant::now();
    assert_eq!(subject.sign(1).await, Err(BackendError::Deadline(DEADLINE)));
    assert_eq!(start.elapsed(), DEADLINE);
    sleep(Duration::from_secs(1)).await;
    let asked = Instant::now();
    subject.sign(1).await.unwrap();
    assert_eq!(asked.elapsed(), Duration::ZERO, "from the cache");
    assert_eq!(subject.gaps(1), [0, 300], "the call and its hedge");
}

#[tokio::test(start_paused = true)]
async fn the_time_that_a_caller_has_waited_already_counts() {
    let subject = subject([], Step::Hang);
    let start = Instant::now();
    sleep(milliseconds(800)).await;
    let answer = subject.remote.sign_for(&hash(1), start).await.result;
    assert_eq!(
        (answer, start.elapsed()),
        (Err(BackendError::Deadline(DEADLINE)), DEADLINE)
    );
}

#[tokio::test(start_paused = true)]
async fn what_may_pass_is_tried_again_and_again() {
    let causes = [
        Cause::Io,
        Cause::Unavailable,
        Cause::Internal,
        Cause::Aborted,
        Cause::DeadlineExceeded,
        Cause::Check,
    ];
    for cause in causes {
        let subject = subject([Step::Fail(cause); 6], FAST);
        subject.insist(1).await;
        assert_eq!(subject.gaps(1), [0, 50, 150, 350, 750, 1750, 2750], "{}", cause.name());
    }
}

#[tokio::test(start_paused = true)]
async fn a_signature_that_does_not_verify_never_leaves() {
    let subject = subject([Step::SignWrongly], FAST);
    let signature = subject.sign(1).await.unwrap();
    assert_eq!(verify(subject.remote.public_key(), &hash(1), &signature), Ok(()));
    assert_eq!(subject.gaps(1), [0, 50]);
}

#[tokio::test(start_paused = true)]
async fn an_invalid_argument_is_tried_once_more_and_a_refusal_not_at_all() {
    let subject = subject([], Step::Fail(Cause::InvalidArgument));
    assert!(matches!(subject.sign(1).await, Err(BackendError::Fault(_))));
    assert_eq!(subject.gaps(1), [0, 50]);
    for (number, cause) in [
        (2, Cause::PermissionDenied),
        (3, Cause::NotFound),
        (4, Cause::FailedPrecondition),
        (5, Cause::ResourceExhausted),
    ] {
        subject.backend.change(Step::Fail(cause));
        assert!(matches!(subject.sign(number).await, Err(BackendError::Fault(_))));
        assert_eq!(subject.gaps(number), [0], "{}", cause.name());
    }
}

#[tokio::test(start_paused = true)]
async fn a_hash_that_nobody_asks_for_is_not_sent_again() {
    let subject = subject([], Step::Fail(Cause::Unavailable));
    assert_eq!(subject.sign(1).await, Err(BackendError::Deadline(DEADLINE)));
    sleep(Duration::from_mins(1)).await;
    assert_eq!(subject.gaps(1), [0, 50, 150, 350, 750, 1750, 2750, 3750, 4750]);
    subject.backend.change(FAST);
    subject.sign(1).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_used_up_quota_is_not_hedged() {
    let subject = subject([Step::Fail(Cause::ResourceExhausted)], Step::Sign(milliseconds(500)));
    assert!(subject.sign(1).await.is_err());
    subject.sign(2).await.unwrap();
    assert_eq!(subject.gaps(2), [0]);
    sleep(Duration::from_secs(10)).await;
    subject.sign(3).await.unwrap();
    assert_eq!(subject.gaps(3), [0, 300]);
}

#[tokio::test(start_paused = true)]
async fn a_hundred_hashes_are_at_the_backend_and_4096_wait() {
    let subject = subject([Step::Hang; 10], Step::Sign(milliseconds(20)));
    let mut callers = JoinSet::new();
    for number in 0..4196 {
        let remote = subject.remote.clone();
        callers.spawn(async move { remote.sign_for(&hash(number), Instant::now()).await.result });
    }
    sleep(milliseconds(1)).await;
    assert_eq!(subject.sign(9999).await, Err(BackendError::Overloaded));
    let signed = callers.join_all().await.into_iter().flatten().count();
    assert!(signed > 3500, "{signed}");
    assert!(subject.backend.most_alive() <= 110, "100 and ten hedges");
}

#[tokio::test(start_paused = true)]
async fn while_the_breaker_is_open_callers_wait_and_probes_go_out_twice_a_second() {
    let subject = subject([], FAST);
    subject.watch();
    subject.open_breaker().await;
    let start = Instant::now();
    assert_eq!(subject.sign(1).await, Err(BackendError::Broken));
    assert_eq!(start.elapsed(), DEADLINE, "an answer at once would make the node spin");
    sleep(Duration::from_mins(1)).await;
    let before = subject.backend.calls().len();
    sleep(Duration::from_secs(10)).await;
    let probes = subject.backend.calls().split_off(before);
    assert!((19..=21).contains(&probes.len()), "{}", probes.len());
    assert!(
        probes.iter().all(|bytes| bytes.len() == 41),
        "self-tests: no hash is asked for"
    );
    assert!(!subject.health.is_up(Instant::now()));
}

#[tokio::test(start_paused = true)]
async fn all_that_waits_is_signed_when_the_backend_is_back() {
    let subject = subject([], FAST);
    subject.watch();
    subject.open_breaker().await;
    sleep(Duration::from_secs(10)).await;
    subject.backend.change(FAST);
    let start = Instant::now();
    let mut callers = JoinSet::new();
    for number in 0..500 {
        let remote = subject.remote.clone();
        callers.spawn(async move { remote.sign_for(&hash(number), Instant::now()).await.result });
    }
    assert!(callers.join_all().await.iter().all(Result::is_ok));
    assert!(start.elapsed() < DEADLINE);
    assert!(subject.backend.most_alive() <= 100);
    assert!(subject.health.is_up(Instant::now()));
    assert_eq!(subject.backend.renewed(), 1, "new connections after an outage");
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_a_failure_of_the_backend_and_asks_for_a_new_client() {
    let subject = subject([FAST], Step::Panic);
    subject.watch();
    subject.sign(0).await.unwrap();
    for number in 1..5 {
        let Err(BackendError::Fault(fault)) = subject.sign(number).await else {
            panic!("a panic is no signature");
        };
        assert_eq!(
            fault,
            Fault::new(Cause::Other, "the library of the key service panicked: scripted")
        );
    }
    assert_eq!(subject.backend.renewed(), 4);
    assert!(subject.health.is_up(Instant::now()));
    subject.sign(5).await.unwrap_err();
    assert!(!subject.health.is_up(Instant::now()), "five in a row");
    subject.backend.change(FAST);
    assert!(subject.sign(6).await.is_ok(), "the breaker lets one through");
    assert!(subject.health.is_up(Instant::now()));
}

#[tokio::test(start_paused = true)]
async fn slowness_and_a_quota_never_open_the_breaker() {
    let subject = subject([], Step::Fail(Cause::ResourceExhausted));
    for number in 0..20 {
        assert!(matches!(subject.sign(number).await, Err(BackendError::Fault(_))));
    }
    subject.backend.change(Step::Hang);
    for number in 20..40 {
        assert_eq!(subject.sign(number).await, Err(BackendError::Deadline(DEADLINE)));
    }
}

#[tokio::test(start_paused = true)]
async fn an_idle_backend_is_tested_each_30_s_and_one_that_is_down_each_2_s() {
    let subject = subject([], FAST);
    subject.watch();
    subject.sign(1).await.unwrap();
    sleep(Duration::from_mins(2)).await;
    assert_eq!(subject.backend.calls().len(), 1 + 3);
    subject.backend.change(Step::Hang);
    sleep(Duration::from_mins(1)).await;
    assert!(!subject.health.is_up(Instant::now()));
    let before = subject.backend.calls().len();
    sleep(Duration::from_secs(20)).await;
    let tests = subject.backend.calls().len() - before;
    assert!((9..=11).contains(&tests), "{tests}");
    subject.backend.change(FAST);
    sleep(Duration::from_secs(3)).await;
    assert!(subject.health.is_up(Instant::now()));
}
