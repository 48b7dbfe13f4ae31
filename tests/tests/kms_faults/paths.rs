//! Every error code of KMS, for every path that signs.

use anyhow::ensure;
use futures::{StreamExt, stream};
use serde_json::Value;
use tests::eventually;
use tests::fake_kms::{Code, FakeKms, Fault, Method};
use tests::fake_server::For;
use tests::oracle::{self, Request};
use tests::signer_process::{Answer, TOKEN, post};

use crate::support::{PATIENCE, ready_before};

/// One request for each path, all for one key, with the key's seed.
fn requests() -> ([u8; 32], Vec<Request>) {
    let document = oracle::read(oracle::SAMPLE).unwrap();
    let key = &document.keys[0].private_key;
    let seed = data_encoding::HEXUPPER_PERMISSIVE.decode(key.as_bytes()).unwrap();
    let mut found: Vec<Request> = Vec::new();
    for request in document.requests {
        if request.key == 0 && found.iter().all(|other| other.path != request.path) {
            found.push(request);
        }
    }
    let mut paths: Vec<_> = found.iter().map(|request| request.path.as_str()).collect();
    paths.sort_unstable();
    assert_eq!(paths, ["/blocks", "/challenges", "/votes"]);
    (seed.try_into().unwrap(), found)
}

async fn ask(port: u16, requests: &[Request]) -> Vec<Answer> {
    let each = requests.iter().map(|request| {
        let (path, body) = (request.path.clone(), request.body.clone());
        tokio::task::spawn_blocking(move || post(port, &path, TOKEN, &body).unwrap())
    });
    let answers = futures::future::join_all(each).await;
    answers.into_iter().map(Result::unwrap).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_code_of_kms_is_a_5xx_on_any_path_and_all_is_signed_afterwards() {
    let (seed, requests) = requests();
    stream::iter(Code::ALL)
        .for_each_concurrent(8, async |code| {
            let kms = FakeKms::start(seed).unwrap();
            let signer = ready_before(&kms).await;
            kms.faults(Method::AsymmetricSign).push(Fault::Code(code), For::Ever);
            for answer in ask(signer.port(), &requests).await {
                assert_eq!(answer.status, 429, "{code:?}: {answer:?}");
                assert!(answer.head.contains("retry-after: 1"), "{code:?}: {answer:?}");
                let body: Value = serde_json::from_str(&answer.body).unwrap();
                let known = ["BACKEND_UNAVAILABLE", "DEADLINE"];
                assert!(known.contains(&body["code"].as_str().unwrap()), "{code:?}: {answer:?}");
            }
            kms.faults(Method::AsymmetricSign).clear();
            // Like the node, which retries only after a 429.
            let all = eventually(PATIENCE, "signatures", async || {
                let answers = ask(signer.port(), &requests).await;
                for answer in &answers {
                    assert!([200, 429].contains(&answer.status), "{code:?}: {answer:?}");
                }
                ensure!(
                    answers.iter().all(|answer| answer.status == 200),
                    "{code:?}: {answers:?}"
                );
                Ok(answers)
            });
            for (request, answer) in requests.iter().zip(all.await.unwrap()) {
                assert!(answer.body.contains(&request.signature), "{code:?}: {answer:?}");
            }
        })
        .await;
}
