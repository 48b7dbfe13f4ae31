//! Tests how many calls a hash causes, and that each is counted once.

use super::*;

/// The sum of a metric over all labels.
fn count(subject: &Subject, name: &str) -> u64 {
    let text = String::from_utf8(subject.metrics.render(&Health::default())).unwrap();
    let lines = text.lines().filter(|line| line.starts_with(name));
    let values = lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<u64>().ok());
    values.sum()
}

/// Repeats the request immediately after each answer, unlike a node.
async fn spin(subject: &Subject, number: u32, time: Duration) {
    let end = Instant::now() + time;
    while Instant::now() < end {
        let _ = subject.sign(number).await;
        sleep(milliseconds(1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_hash_that_is_refused_is_sent_once_a_second_however_often_it_is_asked_for() {
    for (cause, first) in [
        (Cause::ResourceExhausted, [0, 1000, 2000]),
        (Cause::PermissionDenied, [0, 1000, 2000]),
        (Cause::InvalidArgument, [0, 50, 1050]),
    ] {
        let subject = subject([], Step::Fail(cause));
        let callers = (0..3).map(|_| spin(&subject, 1, Duration::from_secs(10)));
        futures_join(callers).await;
        let gaps = subject.gaps(1);
        assert_eq!(gaps[..3], first, "{}", cause.name());
        assert!(gaps.len() <= 12, "{}: {gaps:?}", cause.name());
    }
}

#[tokio::test(start_paused = true)]
async fn the_node_is_signed_for_at_once_when_the_quota_is_back() {
    let subject = subject([Step::Fail(Cause::ResourceExhausted); 3], FAST);
    let start = Instant::now();
    subject.insist(1).await;
    assert_eq!(
        start.elapsed(),
        milliseconds(3005),
        "the node asks a second after each answer"
    );
}

#[tokio::test(start_paused = true)]
async fn a_used_up_quota_is_no_outage() {
    let subject = subject([FAST], Step::Fail(Cause::ResourceExhausted));
    subject.watch();
    subject.sign(0).await.unwrap();
    for number in 1..100 {
        assert!(matches!(subject.sign(number).await, Err(BackendError::Fault(_))));
        sleep(milliseconds(500)).await;
    }
    assert!(subject.health.is_up(Instant::now()));
    assert_eq!(
        subject.health.fault().map(|fault| fault.cause),
        Some(Cause::ResourceExhausted),
        "and is shown"
    );
}

/// The bound in [`Tries`](super::super::tries::Tries).
#[tokio::test(start_paused = true)]
async fn calls_for_one_hash_are_bounded_whatever_becomes_of_them() {
    let (hang, fail) = (Step::Hang, Step::Fail(Cause::Unavailable));
    let slowly = Step::FailAfter(milliseconds(350), Cause::Unavailable);
    let late = Step::FailAfter(milliseconds(2700), Cause::Io);
    let scripts = [
        vec![hang],
        vec![fail],
        vec![hang, fail],
        vec![hang, hang, fail, fail],
        vec![slowly],
        vec![slowly, hang],
        vec![late],
        vec![late, fail, hang],
        vec![Step::Fail(Cause::InvalidArgument), hang],
        vec![hang, Step::Fail(Cause::ResourceExhausted)],
    ];
    for (number, script) in scripts.into_iter().enumerate() {
        let subject = subject(script.iter().copied().cycle().take(500), hang);
        let callers = (0..3).map(|_| spin(&subject, 1, Duration::from_mins(1)));
        futures_join(callers).await;
        let gaps = subject.gaps(1);
        for (first, from) in gaps.iter().enumerate() {
            for (last, to) in gaps.iter().enumerate().skip(first) {
                let (calls, seconds) = ((last - first + 1) as u128, (to - from) / 1000);
                assert!(
                    calls <= 6 + seconds,
                    "script {number}: {calls} in {} ms: {gaps:?}",
                    to - from
                );
            }
        }
        assert!(subject.backend.most_alive() <= 3, "script {number}");
    }
}

#[tokio::test(start_paused = true)]
async fn attempts_are_calls_that_ended_and_those_under_way() {
    let subject = subject([Step::Hang, FAST, Step::Hang], Step::Hang);
    let attempts = "atto_signer_backend_attempts_total ";
    let ended = "atto_signer_backend_calls_total{code=";
    let abandoned = "atto_signer_backend_calls_total{code=\"ABANDONED\",method=\"sign\"} ";
    subject.sign(1).await.unwrap();
    assert_eq!((count(&subject, attempts), count(&subject, ended)), (2, 2));
    assert_eq!(count(&subject, abandoned), 1, "the hedge was faster");
    let _ = subject.sign(2).await;
    sleep(milliseconds(4_000)).await;
    assert_eq!(subject.gaps(2), [0, 300, 2000, 4100]);
    assert_eq!(
        (count(&subject, attempts), count(&subject, ended)),
        (6, 3),
        "three hang"
    );
    assert_eq!(count(&subject, abandoned), 2, "one made room");
    sleep(Duration::from_secs(20)).await;
    assert_eq!((count(&subject, attempts), count(&subject, ended)), (6, 6));
    assert_eq!(count(&subject, abandoned), 2, "the others were waited for");
}

/// With all permits taken, hashes are sent in order of arrival, also after a failure.
#[tokio::test(start_paused = true)]
async fn a_hash_that_failed_is_not_put_behind_those_that_came_later() {
    let fails = Step::Fail(Cause::Unavailable);
    let slow = Step::Sign(milliseconds(200));
    let subject = subject([fails].into_iter().chain([slow; 99]), slow);
    let mut callers = JoinSet::new();
    for number in 0..1000 {
        let remote = subject.remote.clone();
        callers.spawn(async move { remote.sign_for(&hash(number), Instant::now()).await.result });
    }
    callers.join_all().await;
    assert_eq!(subject.gaps(0), [0, 200], "with the first permit that came back");
}

async fn futures_join(callers: impl Iterator<Item = impl Future<Output = ()>>) {
    let mut callers: Vec<_> = callers.map(Box::pin).collect();
    std::future::poll_fn(|context| {
        callers.retain_mut(|caller| caller.as_mut().poll(context).is_pending());
        if callers.is_empty() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
}
