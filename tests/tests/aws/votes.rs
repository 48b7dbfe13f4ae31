//! Votes by a key in KMS.

use anyhow::Result;
use serde_json::json;
use tests::fake_server::{For, Front};
use tests::metrics;
use tests::node_client::Load;

use crate::support::{PATIENCE, Place, SECRET, Signer, error, is, preflight};

const fn votes(count: u64) -> Load {
    Load {
        rate: 100,
        count: Some(count),
        duration: None,
        patience: PATIENCE,
    }
}

/// The signer's hedges and siblings.
fn aside(signer: &Signer) -> Result<f64> {
    let text = signer.management("/prometheus")?.body;
    Ok(metrics::sum(&text, "atto_signer_hedges_total")? + metrics::sum(&text, "atto_signer_siblings_total")?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn votes_are_signed_with_one_call_each_over_the_bytes_themselves() -> Result<()> {
    let place = Place::new().await?;
    let signer = Signer::ready(&place.with_keys()).await?;
    let before = place.front.count(is("Sign"));
    let aside_before = aside(&signer)?;
    let report = votes(50)
        .run(&signer.node(), &place.kms.public_key(&place.key)?)
        .await?;
    assert_eq!((report.signed, report.lost, report.invalid), (50, 0, 0), "{report:?}");
    let asked = place.front.asked();
    let signs: Vec<_> = asked.iter().filter(|asked| is("Sign")(asked)).collect();
    // On a busy machine an answer may be late, and another attempt is sent. The signer counts those, also one that it takes back
    // before the request is on its way.
    let more = aside(&signer)? - aside_before;
    let calls = f64::from(u32::try_from(signs.len() - before)?);
    assert!(
        calls >= 50.0 && calls <= 50.0 + more,
        "{calls} calls, {more} hedges and siblings"
    );
    for asked in signs {
        let body = asked.json();
        assert_eq!(
            json!([
                body["KeyId"],
                body["SigningAlgorithm"],
                body["MessageType"],
                body["DryRun"]
            ]),
            json!([place.key, "ED25519_SHA_512", "RAW", null])
        );
        assert!(
            asked.header("authorization").contains("/eu-central-1/kms/aws4_request"),
            "{asked:?}"
        );
    }
    let info = signer.management("/info")?.body;
    assert!(info.contains("\"AWS\""), "{info}");
    signer.keeps(&[SECRET]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn votes_asked_for_in_an_outage_are_signed_after_it() -> Result<()> {
    let place = Place::new().await?;
    let key = place.kms.public_key(&place.key)?;
    for front in [Front::Refusing, Front::Silent] {
        let mut signer = Signer::ready(&place.with_keys()).await?;
        place.front.set_front(front).await?;
        let node = signer.node();
        let loading = tokio::spawn(async move { votes(20).run(&node, &key).await });
        let expected = if front == Front::Silent { "TIMEOUT" } else { "IO" };
        signer.until("DOWN", |signer| Ok(signer.backend()?.0 == expected)).await;
        place.front.set_front(Front::Serving).await?;
        let report = loading.await??;
        assert_eq!(
            (report.signed, report.lost, report.invalid),
            (20, 0, 0),
            "{front:?}: {report:?}"
        );
        signer.until("UP", |signer| Ok(signer.backend()?.0.is_empty())).await;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_quota_that_is_used_up_makes_no_further_calls() -> Result<()> {
    let place = Place::new().await?;
    let mut signer = Signer::ready(&place.with_keys()).await?;
    let key = place.kms.public_key(&place.key)?;
    place.front.on(is("Sign"), error(400, "ThrottlingException"), For::Ever);
    let node = signer.node();
    let loading = tokio::spawn(async move { votes(10).run(&node, &key).await });
    signer
        .until("the quota is told", |signer| {
            Ok(signer.log().contains("RESOURCE_EXHAUSTED: ThrottlingException"))
        })
        .await;
    let (code, says) = preflight(&place.with_keys()).await;
    assert!(
        code == Some(69) && says.contains("aws service-quotas list-service-quotas --service-code kms"),
        "{says}"
    );
    place.front.clear();
    let report = loading.await??;
    assert_eq!((report.signed, report.lost, report.invalid), (10, 0, 0), "{report:?}");
    assert!(
        report.statuses.keys().all(|status| [200, 429].contains(status)),
        "{report:?}"
    );
    let metrics = signer.management("/prometheus")?.body;
    for line in ["atto_signer_hedges_total 0", "atto_signer_siblings_total 0"] {
        assert!(metrics.lines().any(|found| found == line), "{line} is missing");
    }
    Ok(())
}

/// KMS refuses a signature with a wrong time, and returns the right time.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_clock_that_is_wrong_is_told_and_corrected_by_what_kms_says() -> Result<()> {
    let place = Place::new().await?;
    let headers = [("date", "Tue, 01 Jan 2030 12:00:00 GMT")];
    let body = json!({ "__type": "InvalidSignatureException", "message": "Signature expired" }).to_string();
    let refused = tests::key_front::answer(http::StatusCode::BAD_REQUEST, &headers, body);
    place.front.on(is("GetPublicKey"), refused.clone(), For::Calls(1));
    let mut signer = Signer::start(&place.with_keys())?;
    signer.until_ready().await;
    let asked = place.front.asked();
    let asked: Vec<_> = asked.iter().filter(|asked| is("GetPublicKey")(asked)).collect();
    assert!(!asked[0].header("x-amz-date").starts_with("2030"));
    assert!(
        asked[1].header("x-amz-date").starts_with("20300101T1200"),
        "{:?}",
        asked[1]
    );
    place.front.on(is("GetPublicKey"), refused, For::Calls(1));
    let (code, says) = preflight(&place.with_keys()).await;
    assert!(
        code == Some(69) && says.contains("UNAUTHENTICATED: InvalidSignatureException") && says.contains("date -u"),
        "{says}"
    );
    Ok(())
}
