//! Votes that were requested in time, and whose signature is late.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Result;
use serde_json::{Value, json};
use tests::fake_kms::{Code, FakeKms, Fault, Method};
use tests::fake_server::For;
use tests::signer_process::{TOKEN, post};

use crate::support::before;

fn vote(kms: &FakeKms, block: u8, timestamp: u64) -> String {
    let key = data_encoding::HEXUPPER.encode(kms.verifying_key().as_bytes());
    let block = format!("{block:02X}").repeat(32);
    json!({ "target": {
        "version": 0, "algorithm": "V1", "publicKey": key, "blockAlgorithm": "V1", "blockHash": block, "timestamp": timestamp,
    }})
    .to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_outage_longer_than_the_time_window_loses_no_vote() -> Result<()> {
    let kms = FakeKms::start([41; 32])?;
    let mut signer = before(&kms, &[("ATTO_SIGNER_POLICY_VOTE_TIME_WINDOW", "1s")])?;
    signer
        .until("it is ready", |signer| Ok(signer.api_is_open() && signer.is_ready()?))
        .await
        .unwrap();
    kms.faults(Method::AsymmetricSign)
        .push(Fault::Code(Code::Unavailable), For::Ever);
    let now = u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?;
    let port = signer.port();
    let (known, late) = (vote(&kms, 1, now), vote(&kms, 2, now));
    let status = |body: &str| Ok::<_, anyhow::Error>(post(port, "/votes", TOKEN, body)?.status);
    assert_eq!(status(&known)?, 429);
    // A vote that was not requested in time is refused, because the window is over.
    let mut block = 2;
    signer
        .until("another vote is too old", |_| {
            block += 1;
            assert_eq!(status(&known)?, 429, "it came in time");
            Ok(status(&vote(&kms, block, now))? == 400)
        })
        .await
        .unwrap();
    assert_eq!(status(&late)?, 400);
    kms.faults(Method::AsymmetricSign).clear();
    signer
        .until("the vote is signed", |_| Ok(status(&known)? == 200))
        .await
        .unwrap();
    assert_eq!(status(&late)?, 400);
    let answer = post(port, "/votes", TOKEN, &known)?;
    let body: Value = serde_json::from_str(&answer.body)?;
    assert_eq!(body["signature"].as_str().map(str::len), Some(128), "{answer:?}");
    Ok(())
}
