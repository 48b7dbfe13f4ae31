//! The real signer with a slow, silent or unavailable KMS, and the model of the node. All times are simulated: they are
//! exact, and the test does not wait for them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail the test")]

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::join_all;
use signer::backend::Cause;
use tests::metrics;
use tests::node_client::{CONNECTIONS, Load, NodeClient, Report, random_vote};
use tests::simulated::{Mode, Simulated};
use tests::simulation;
use tokio::time::{Instant, sleep};

/// Maximum waiting time of a caller. The node gives up after 1 s.
const ANSWER: Duration = Duration::from_millis(950);

/// A few seconds of the processor; `make soak` has many more.
const SCHEDULES: u64 = 400;

/// Seeds of the schedules in which `make soak` has found a defect.
const FOUND: [u64; 2] = [2_158_406_567, 420_312_041];

const MINUTE: Duration = Duration::from_mins(1);

fn votes(rate: u32, duration: Duration, patience: Duration) -> Load {
    Load {
        rate,
        count: None,
        duration: Some(duration),
        patience,
    }
}

fn nothing_is_lost(what: &str, report: &Report) {
    assert_eq!((report.lost, report.invalid), (0, 0), "{what}: {report:?}");
    let statuses: BTreeSet<_> = report.statuses.keys().copied().collect();
    assert!(statuses.is_subset(&BTreeSet::from([200, 429])), "{what}: {report:?}");
    assert!(report.slowest_answer <= ANSWER, "{what}: {:?}", report.slowest_answer);
    assert_eq!(report.silent + report.closed + report.garbled, 0, "{what}: {report:?}");
}

fn all_signed(what: &str, report: &Report) {
    nothing_is_lost(what, report);
    assert_eq!(report.signed, report.wished, "{what}: {report:?}");
}

/// Votes at this rate while the backend is in this mode; then it takes 5 ms, and all are signed. Returns the attempts in the
/// outage and how long the last signature took from its end.
async fn outage(signer: &Simulated, mode: Mode, rate: u32) -> (u64, Duration) {
    signer.kms.set(mode);
    let load = votes(rate, MINUTE, MINUTE);
    let end = async {
        sleep(MINUTE).await;
        signer.kms.set(Mode::Sign(Duration::from_millis(5)));
        (Instant::now(), signer.node.report().attempts)
    };
    let loading = async { (load.run(&signer.node, &signer.key).await.unwrap(), Instant::now()) };
    let ((report, last), (ended, attempts)) = tokio::join!(loading, end);
    all_signed(&format!("{mode:?}"), &report);
    (attempts, last - ended)
}

#[tokio::test(start_paused = true)]
async fn slow_signatures_come_soon_after_kms_with_one_call_each() {
    for delay in [500, 950, 1_200, 5_000].map(Duration::from_millis) {
        let signer = Simulated::started().await.unwrap();
        signer.kms.set(Mode::Sign(delay));
        let load = votes(10, Duration::from_secs(10), MINUTE);
        let report = load.run(&signer.node, &signer.key).await.unwrap();
        let what = format!("{delay:?}");
        all_signed(&what, &report);
        let most = delay + Duration::from_millis(2_100);
        assert_eq!(report.later_than(most), 0, "{what}: {:?}", report.milliseconds);
        let (_, text) = signer.management("/prometheus").await.unwrap();
        let count = |name| metrics::sum(&text, name).unwrap();
        let aside = count("atto_signer_hedges_total") + count("atto_signer_siblings_total");
        let [calls, hashes] =
            [signer.kms.calls(), report.milliseconds.len()].map(|count| u32::try_from(count).unwrap());
        let more = f64::from(calls) - aside - f64::from(hashes);
        assert!(
            more.abs() < 0.5,
            "{what}: {calls} calls for {hashes} hashes, {aside} hedges and siblings"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_kms_that_takes_30_s_is_answered_for_in_time_and_nothing_piles_up() {
    let signer = Simulated::started().await.unwrap();
    signer.kms.set(Mode::Sign(Duration::from_secs(30)));
    let load = votes(200, MINUTE, Duration::ZERO);
    let report = load.run(&signer.node, &signer.key).await.unwrap();
    nothing_is_lost("30 s", &report);
    assert_eq!(report.signed, 0, "an attempt is given up after 10 s");
    let most = signer.kms.most_in_flight();
    assert!(
        (100..=305).contains(&most),
        "{most} calls at once: three for each of 100 hashes, and self-tests"
    );
}

#[tokio::test(start_paused = true)]
async fn votes_that_hung_are_signed_within_15_s_of_the_end() {
    let signer = Simulated::started().await.unwrap();
    let (_, signed_after) = outage(&signer, Mode::Hang, 50).await;
    assert!(signed_after <= Duration::from_secs(15), "{signed_after:?}");
}

#[tokio::test(start_paused = true)]
async fn a_minute_without_kms_loses_no_vote_and_the_node_does_not_spin() {
    let signer = Simulated::started().await.unwrap();
    let (attempts, signed_after) = outage(&signer, Mode::Fail(Cause::Unavailable), 200).await;
    assert!(attempts <= 120 * 60, "{attempts} attempts in 60 s");
    assert!(signed_after <= Duration::from_secs(5), "{signed_after:?}");
}

#[tokio::test(start_paused = true)]
async fn a_thousand_identical_votes_at_once_are_one_call() {
    let signer = Simulated::started().await.unwrap();
    let vote = random_vote(&signer.key);
    let nodes: Vec<NodeClient> = (0..10).map(|_| signer.another_node()).collect();
    let each = nodes.iter().flat_map(|node| (0..CONNECTIONS).map(move |_| node));
    let outcomes = join_all(each.map(|node| node.sign(&vote, &signer.key))).await;
    assert_eq!(outcomes.len(), 1_000);
    assert!(
        outcomes
            .iter()
            .all(|outcome| outcome.result.is_ok() && outcome.attempts == 1)
    );
    assert_eq!(signer.kms.calls_to_sign(&vote.hash), 1);
}

/// `SIMULATION_SEED=7 cargo test --package tests --test slow_kms schedules -- --nocapture` prints the seventh.
#[test]
fn schedules_that_nobody_wrote_break_no_promise() {
    let summary = simulation::run(0..SCHEDULES).unwrap_or_else(|error| panic!("{error:#}"));
    println!("{summary:?}");
}

#[test]
fn schedules_that_broke_a_promise_once_keep_it() {
    for seed in FOUND {
        simulation::run(seed..seed + 1).unwrap_or_else(|error| panic!("{error:#}"));
    }
}
