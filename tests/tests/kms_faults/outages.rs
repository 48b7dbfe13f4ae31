//! KMS is unavailable, closes connections or is silent during votes.

use tests::fake_kms::{Code, Fault, Method};
use tests::fake_server::{For, Front};

use crate::support::{ready, votes};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn votes_asked_for_in_an_outage_are_signed_after_it() {
    for (seed, front) in [(11, Front::Refusing), (12, Front::Dropping), (13, Front::Silent)] {
        let (kms, mut signer) = ready(seed).await;
        let key = kms.verifying_key();
        kms.set_front(front).await.unwrap();
        let (node, load) = (signer.node().unwrap(), votes(20));
        let loading = tokio::spawn(async move { load.run(&node, &key).await });
        signer
            .until("DOWN", |signer| Ok(signer.health()? == "DOWN"))
            .await
            .unwrap();
        assert!(signer.api_is_open(), "{front:?}");
        kms.set_front(Front::Serving).await.unwrap();
        let report = loading.await.unwrap().unwrap();
        assert_eq!(
            (report.signed, report.lost, report.invalid),
            (20, 0, 0),
            "{front:?}: {report:?}\n{}",
            signer.log()
        );
        assert!(
            report.statuses.keys().all(|status| [200, 429].contains(status)),
            "{front:?}: {report:?}"
        );
        signer
            .until("UP", |signer| Ok(signer.health()? == "UP" && signer.is_ready()?))
            .await
            .unwrap();
    }
}

/// After an outage, the signer has a new client, which may be connected to another server.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_new_client_that_signs_the_same_in_two_ways_is_told_and_replaced() {
    let (kms, mut signer) = ready(14).await;
    let key = kms.verifying_key();
    let sign = kms.faults(Method::AsymmetricSign);
    sign.push(Fault::Code(Code::Unavailable), For::Ever);
    let (node, load) = (signer.node().unwrap(), votes(20));
    let loading = tokio::spawn(async move { load.run(&node, &key).await });
    signer
        .until("DOWN", |signer| Ok(signer.health()? == "DOWN"))
        .await
        .unwrap();
    // A probe is sent every half second, and a new client is not replaced at once.
    let calls = || kms.calls().of(Method::AsymmetricSign);
    let probed = calls() + 10;
    signer.until("ten probes", |_| Ok(calls() >= probed)).await.unwrap();
    sign.clear();
    sign.push(Fault::OtherSignature, For::Ever);
    let told = "a new client of the key service: found two different signatures over the same bytes";
    signer
        .until("it is told", |signer| Ok(signer.log().contains(told)))
        .await
        .unwrap();
    sign.clear();
    let report = loading.await.unwrap().unwrap();
    assert_eq!((report.signed, report.lost, report.invalid), (20, 0, 0), "{report:?}");
    signer
        .until("UP", |signer| Ok(signer.health()? == "UP" && signer.is_ready()?))
        .await
        .unwrap();
    assert_eq!(signer.management("/health/liveness").unwrap().status, 200);
}
