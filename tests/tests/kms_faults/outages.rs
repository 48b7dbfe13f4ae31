//! KMS away, rude or silent, in the middle of votes.

use tests::fake_server::Front;

use crate::support::{ready, votes};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn votes_asked_for_in_an_outage_are_signed_after_it() {
    for (seed, front) in [(11, Front::Refusing), (12, Front::Dropping), (13, Front::Silent)] {
        let (kms, mut signer) = ready(seed).await;
        let key = kms.verifying_key();
        kms.set_front(front).await.unwrap();
        let (node, load) = (signer.node(), votes(20));
        let loading = tokio::spawn(async move { load.run(&node, &key).await });
        signer.until("DOWN", |signer| Ok(signer.health()? == "DOWN")).await;
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
            .await;
    }
}
