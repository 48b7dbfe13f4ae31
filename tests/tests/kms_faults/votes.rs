//! Every fault of a call, during votes.

use std::time::Duration;

use anyhow::Result;
use futures::{StreamExt, stream};
use tests::fake_kms::{Code, FakeKms, Fault, KeyState, Method, Permission};
use tests::fake_server::For;
use tests::node_client::random_vote;

use crate::support::{all_signed, ready, votes};

fn faults() -> Vec<Fault> {
    let codes = Code::ALL.into_iter().map(Fault::Code);
    let others = [
        Fault::Delay(Duration::from_millis(1_300)),
        Fault::Html(429),
        Fault::Html(500),
        Fault::Html(502),
        Fault::BrokenJson,
        Fault::Drop,
        Fault::Hang,
        Fault::CorruptBytes,
        Fault::CorruptBytesAndChecksum,
        Fault::WrongChecksum,
        Fault::NoChecksum,
        Fault::OtherName,
        Fault::NoName,
        Fault::Short,
        Fault::DataNotVerified,
    ];
    codes.chain(others).collect()
}

/// Seven failing calls are enough to open the breaker and to affect its probe.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whatever_kms_answers_no_vote_is_lost() {
    stream::iter(faults())
        .for_each_concurrent(8, async |fault| {
            let (kms, signer) = ready(1).await;
            let key = kms.verifying_key();
            kms.faults(Method::AsymmetricSign).push(fault.clone(), For::Calls(7));
            all_signed(&format!("{fault:?}"), &signer, votes(10), &key).await;
            assert!(kms.faults(Method::AsymmetricSign).is_empty(), "{fault:?} was met");
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_key_that_may_not_sign_is_told_and_signs_when_it_may_again() -> Result<()> {
    type Change = fn(&FakeKms);
    let ways: [(&str, Change, Change); 2] = [
        (
            "disabled",
            |kms| kms.set_key_state(KeyState::Disabled),
            |kms| kms.set_key_state(KeyState::Enabled),
        ),
        (
            "useToSign",
            |kms| kms.revoke(Permission::UseToSign),
            |kms| kms.grant(Permission::UseToSign),
        ),
    ];
    for (what, away, back) in ways {
        let (kms, mut signer) = ready(3).await;
        let key = kms.verifying_key();
        away(&kms);
        let node = signer.node().unwrap();
        let load = votes(10);
        let loading = tokio::spawn(async move { load.run(&node, &key).await });
        signer
            .until(what, |signer| Ok(signer.health()? == "DOWN" && !signer.is_ready()?))
            .await
            .unwrap();
        assert_eq!(signer.management("/health/liveness")?.status, 200, "{what}");
        back(&kms);
        let report = loading.await??;
        assert_eq!(
            (report.signed, report.lost),
            (10, 0),
            "{what}: {report:?}\n{}",
            signer.log()
        );
        assert!(
            report.statuses.keys().all(|status| [200, 429].contains(status)),
            "{what}: {report:?}"
        );
        signer
            .until(what, |signer| Ok(signer.health()? == "UP" && signer.is_ready()?))
            .await
            .unwrap();
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn equal_votes_at_once_are_one_call() {
    let (kms, signer) = ready(4).await;
    let key = kms.verifying_key();
    kms.faults(Method::AsymmetricSign)
        .push(Fault::Delay(Duration::from_millis(100)), For::Ever);
    let vote = random_vote(&key);
    let node = signer.node().unwrap();
    let outcomes = futures::future::join_all((0..100).map(|_| node.sign(&vote, &key))).await;
    assert!(
        outcomes.iter().all(|outcome| outcome.result.is_ok()),
        "{}",
        signer.log()
    );
    assert_eq!(kms.calls().to_sign(&vote.hash), 1);
}
