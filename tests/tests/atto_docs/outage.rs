//! Ten minutes without KMS, on a paused clock, as the documented probes see them.

use std::time::Duration;

use serde_json::Value;
use signer::backend::Cause;
use tests::node_client::random_vote;
use tests::simulated::{Mode, Simulated};
use tokio::time::{Instant, sleep};

use crate::documents::{self, Document};
use crate::probes::{Probe, restarts};

const BEFORE: Duration = Duration::from_mins(5);
const OUTAGE: Duration = Duration::from_mins(10);
const AFTER: Duration = Duration::from_mins(5);

const WELL: Mode = Mode::Sign(Duration::from_millis(5));

/// KMS answers with an error, never answers, or revokes the permission.
const OUTAGES: [Mode; 3] = [
    Mode::Fail(Cause::Unavailable),
    Mode::Hang,
    Mode::Fail(Cause::PermissionDenied),
];

async fn status(signer: &Simulated, path: &str) -> u16 {
    signer.management(path).await.unwrap().0.as_u16()
}

async fn health(signer: &Simulated) -> String {
    let (_, body) = signer.management("/health").await.unwrap();
    let body: Value = serde_json::from_str(&body).unwrap();
    body["status"].as_str().unwrap().to_owned()
}

async fn restarts_of(signer: &Simulated, Document { startup, liveness, .. }: &Document, end: Instant) -> u32 {
    restarts(startup.as_ref(), liveness, end, async |path| status(signer, path).await).await
}

#[tokio::test(start_paused = true)]
async fn the_documented_probes_never_restart_a_signer_whose_kms_is_away() {
    for mode in OUTAGES {
        for document in documents::all("", "") {
            let what = format!("{}, {mode:?}", document.name);
            let signer = Simulated::started().await.unwrap();
            let end = Instant::now() + BEFORE + OUTAGE + AFTER;
            let events = async {
                sleep(BEFORE).await;
                assert_eq!(
                    (
                        health(&signer).await.as_str(),
                        status(&signer, "/health/readiness").await
                    ),
                    ("UP", 200)
                );
                signer.kms.set(mode);
                let vote = random_vote(&signer.key);
                let signing = signer.node.sign(&vote, &signer.key);
                let back = async {
                    sleep(OUTAGE).await;
                    assert_eq!(
                        (
                            health(&signer).await.as_str(),
                            status(&signer, "/health/readiness").await
                        ),
                        ("DOWN", 503),
                        "{what}"
                    );
                    signer.kms.set(WELL);
                };
                let (outcome, ()) = tokio::join!(signing, back);
                assert!(outcome.result.is_ok(), "{what}: a vote of the outage: {outcome:?}");
                sleep(Duration::from_secs(10)).await;
                assert_eq!(
                    (
                        health(&signer).await.as_str(),
                        status(&signer, "/health/readiness").await
                    ),
                    ("UP", 200),
                    "{what}"
                );
            };
            let (restarts, ()) = tokio::join!(restarts_of(&signer, &document, end), events);
            assert_eq!(restarts, 0, "{what}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn nor_one_that_was_started_while_kms_was_away() {
    for document in documents::all("", "") {
        let signer = Simulated::start().unwrap();
        signer.kms.set(OUTAGES[0]);
        let end = Instant::now() + OUTAGE + AFTER;
        let events = async {
            let back = async {
                sleep(OUTAGE).await;
                assert_eq!(
                    (
                        health(&signer).await.as_str(),
                        status(&signer, "/health/readiness").await
                    ),
                    ("DOWN", 503)
                );
                signer.kms.set(WELL);
            };
            let vote = random_vote(&signer.key);
            let (outcome, (), ()) = tokio::join!(signer.node.sign(&vote, &signer.key), signer.open(), back);
            assert!(outcome.result.is_ok(), "{}: {outcome:?}", document.name);
            assert_eq!(
                (
                    health(&signer).await.as_str(),
                    status(&signer, "/health/readiness").await
                ),
                ("UP", 200)
            );
        };
        let (restarts, ()) = tokio::join!(restarts_of(&signer, &document, end), events);
        assert_eq!(restarts, 0, "{}", document.name);
    }
}

/// `/health` answers with 200 during an outage, so that the kubelet does not restart the signer. On the readiness path,
/// the same probes would fail.
#[tokio::test(start_paused = true)]
async fn on_the_readiness_path_the_same_probes_would_restart_it() {
    for mut document in documents::all("", "") {
        let signer = Simulated::started().await.unwrap();
        signer.kms.set(OUTAGES[0]);
        let there = |probe: &mut Probe| probe.path = "/health/readiness".to_owned();
        document.startup.iter_mut().for_each(there);
        there(&mut document.liveness);
        let end = Instant::now() + OUTAGE;
        assert!(restarts_of(&signer, &document, end).await > 0, "{}", document.name);
    }
}
