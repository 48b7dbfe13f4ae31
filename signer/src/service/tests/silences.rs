//! A backend that accepts calls but does not answer for a while.

use super::*;

/// The promise to users: a signature within this time after the end of any silence.
const SOON: Duration = Duration::from_millis(2500);

/// The time from the end of a silence of this length to the node's signature. The node sends its first request this long after
/// the beginning of the silence.
async fn signed_after(length: Duration, phase: Duration) -> Duration {
    let subject = subject([], Step::Hang);
    let (start, backend) = (Instant::now(), subject.backend.clone());
    tokio::spawn(async move {
        sleep(length).await;
        backend.change(FAST);
    });
    sleep(phase).await;
    subject.insist(1).await;
    start.elapsed().saturating_sub(length)
}

#[tokio::test(start_paused = true)]
async fn any_silence_ends_with_a_signature_within_two_and_a_half_seconds() {
    for length in (500..=12_000).step_by(250) {
        for phase in (0..length).step_by(170) {
            let after = signed_after(milliseconds(length), milliseconds(phase)).await;
            assert!(after <= SOON, "{length} ms, asked for after {phase} ms: {after:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_hash_that_hangs_is_sent_each_2_s_while_somebody_asks_and_three_are_alive() {
    let subject = subject([], Step::Hang);
    for _ in 0..10 {
        assert_eq!(subject.sign(1).await, Err(BackendError::Deadline(DEADLINE)));
        sleep(Duration::from_secs(1)).await;
    }
    sleep(Duration::from_mins(1)).await;
    let mut times = vec![0, 300];
    times.extend((2..=22).step_by(2).map(|second| second * 1000 + 100));
    assert_eq!(
        subject.gaps(1),
        times,
        "asked for the last time after 17.1 s, remembered for 5 s"
    );
    assert_eq!(subject.backend.most_alive(), 3);
    assert!(subject.backend.renewed() > 0, "its connection is not trusted any more");
}

#[tokio::test(start_paused = true)]
async fn a_hash_is_signed_by_a_sibling_of_an_attempt_that_hangs() {
    let subject = subject([Step::Hang, Step::Hang], FAST);
    let start = Instant::now();
    subject.insist(1).await;
    assert_eq!(start.elapsed(), milliseconds(2105));
}

/// A firewall may forget all connections in use without a word to either side.
#[tokio::test(start_paused = true)]
async fn the_first_sibling_is_sent_with_the_client_that_replaces_dead_connections() {
    let subject = subject([], Step::HangUntilRenewed);
    let start = Instant::now();
    subject.insist(1).await;
    assert_eq!(start.elapsed(), milliseconds(2100));
    assert_eq!(subject.gaps(1), [0, 300, 2100]);
}

#[tokio::test(start_paused = true)]
async fn what_would_be_tried_again_while_a_sibling_waits_for_a_client_is_that_sibling() {
    let fails = Step::FailAfter(milliseconds(1_690), Cause::Unavailable);
    let subject = subject([Step::Hang, fails], Step::HangUntilRenewed);
    subject.insist(1).await;
    assert_eq!(subject.gaps(1), [0, 300, 2100], "and not 50 ms after the failure");
}

/// All are cancelled except the first, so that slowness is not treated as an outage.
#[tokio::test(start_paused = true)]
async fn a_backend_that_takes_nine_seconds_for_each_call_signs() {
    let subject = subject([], Step::Sign(Duration::from_secs(9)));
    let start = Instant::now();
    subject.insist(1).await;
    assert!(start.elapsed() <= Duration::from_secs(10), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn silence_is_an_outage_after_8_s_whatever_is_sent_meanwhile() {
    let subject = subject([FAST], Step::Hang);
    subject.watch();
    subject.sign(0).await.unwrap();
    sleep(milliseconds(1)).await;
    let asking = async {
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(10) {
            let _ = subject.sign(1).await;
            let is_up = subject.health.is_up(Instant::now());
            assert_eq!(is_up, start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
            sleep(milliseconds(50)).await;
        }
    };
    asking.await;
    assert_eq!(subject.health.fault().map(|fault| fault.cause), Some(Cause::Timeout));
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_fails_beside_one_that_hangs_is_made_again() {
    let fails = Step::FailAfter(milliseconds(350), Cause::Unavailable);
    let subject = subject([fails, Step::Hang], FAST);
    let start = Instant::now();
    subject.sign(1).await.unwrap();
    assert_eq!(start.elapsed(), milliseconds(405));
    assert_eq!(subject.gaps(1), [0, 300, 400]);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_tried_again_is_not_beside_one_that_hangs_either() {
    for (cause, times) in [
        (Cause::PermissionDenied, vec![0, 300, 2100]),
        (Cause::InvalidArgument, vec![0, 300, 400, 2500]),
    ] {
        let fails = Step::FailAfter(milliseconds(350), cause);
        let again = Step::FailAfter(milliseconds(1), cause);
        let steps = match cause {
            Cause::InvalidArgument => vec![fails, Step::Hang, again],
            _ => vec![fails, Step::Hang],
        };
        let subject = subject(steps, FAST);
        subject.insist(1).await;
        assert_eq!(subject.gaps(1), times, "{}", cause.name());
    }
}

#[tokio::test(start_paused = true)]
async fn beside_one_that_hangs_nothing_is_sent_again_while_the_breaker_is_open() {
    let subject = subject([Step::Hang], Step::Fail(Cause::Unavailable));
    let asking = async {
        for _ in 0..3 {
            let _ = subject.sign(1).await;
            sleep(Duration::from_secs(1)).await;
        }
    };
    let others = async {
        sleep(milliseconds(100)).await;
        subject.open_breaker().await;
    };
    tokio::join!(asking, others);
    assert_eq!(
        subject.gaps(1),
        [0, 300, 2100, 4100],
        "the hedge failed, and siblings are probes enough"
    );
}

#[tokio::test(start_paused = true)]
async fn the_start_tries_each_2_s_where_the_backend_hangs() {
    let subject = subject([Step::Hang; 7], FAST);
    let start = Instant::now();
    while subject.remote.prove().await.is_err() {}
    assert_eq!(start.elapsed(), milliseconds(14_010), "signed twice");
    assert_eq!(subject.backend.calls().len(), 7 + 2);
    assert_eq!(subject.backend.most_alive(), 3);
}
