//! Answers that are well-formed and wrong.

use std::sync::Arc;

use anyhow::Result;
use bytes::Bytes;
use data_encoding::BASE64;
use futures::FutureExt;
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use tests::fake_server::{For, Reply};
use tests::key_front::Act;

use crate::support::{Place, Signer, is, preflight};

/// The same answer with another body. The body is there already, so that nothing is waited for.
fn changed(change: impl Fn(&mut Value) + Send + Sync + 'static) -> Act {
    Act::Change(Arc::new(move |reply| {
        let Reply::Answer(answer) = reply else { return reply };
        let (mut head, body) = answer.into_parts();
        let body = body.collect().now_or_never().unwrap().unwrap().to_bytes();
        let mut value: Value = serde_json::from_slice(&body).unwrap();
        change(&mut value);
        head.headers.remove("content-length");
        Reply::Answer(http::Response::from_parts(
            head,
            Full::new(Bytes::from(value.to_string())),
        ))
    }))
}

fn set(name: &'static str, value: Value) -> Act {
    changed(move |answer| answer[name] = value.clone())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_answer_that_is_not_of_this_key_signs_nothing() -> Result<()> {
    let place = Place::new().await?;
    let other = place.kms.create_key()?;
    let mut signer = Signer::ready(&place.with_keys()).await?;
    let key = place.kms.public_key(&place.key)?;
    let short = BASE64.encode(&[7; 63]);
    for (what, act, told) in [
        (
            "another key",
            set("KeyId", json!(other)),
            "found an answer for arn:aws:kms",
        ),
        ("no key", set("KeyId", Value::Null), "found an answer for no key"),
        (
            "a digest's algorithm",
            set("SigningAlgorithm", json!("ED25519_PH_SHA_512")),
            "expected ED25519_SHA_512",
        ),
        (
            "ECDSA",
            set("SigningAlgorithm", json!("ECDSA_SHA_256")),
            "the algorithm ECDSA_SHA_256, expected",
        ),
        (
            "a short signature",
            set("Signature", json!(short)),
            "a signature of 63 bytes, expected 64",
        ),
        (
            "no signature",
            set("Signature", Value::Null),
            "a signature of 0 bytes, expected 64",
        ),
        (
            "a wrong signature",
            set("Signature", json!(BASE64.encode(&[7; 64]))),
            "does not belong to the public key",
        ),
    ] {
        place.front.on(is("Sign"), act, For::Ever);
        let (code, says) = preflight(&place.with_keys()).await;
        assert!(code == Some(69) && says.contains(told), "{what}: {says}");
        let vote = tests::node_client::random_vote(&key);
        let port = signer.port();
        let ask = || {
            tests::signer_process::post(port, vote.path, tests::signer_process::TOKEN, &vote.body)
                .unwrap()
                .status
        };
        assert_eq!(ask(), 429, "{what}");
        place.front.clear();
        signer.until(&format!("{what}: signed"), |_| Ok(ask() == 200)).await;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_public_key_that_does_not_add_up_is_not_taken() -> Result<()> {
    let place = Place::new().await?;
    let other = place.kms.create_key()?;
    for (act, expected, told) in [
        (set("KeyId", json!(other)), 69, "found an answer for arn:aws:kms"),
        (
            set("PublicKey", json!("AAAA")),
            69,
            "KMS returned 3 bytes, expected an Ed25519 public key (44 bytes of DER)",
        ),
        (set("PublicKey", Value::Null), 69, "KMS returned 0 bytes"),
        (
            set("KeySpec", json!("ECC_NIST_P256")),
            78,
            "found a key with the key spec ECC_NIST_P256, expected ECC_NIST_EDWARDS25519",
        ),
        (set("KeyUsage", json!("KEY_AGREEMENT")), 78, "expected SIGN_VERIFY"),
        (
            set("SigningAlgorithms", json!(["ED25519_PH_SHA_512"])),
            78,
            "expected ED25519_SHA_512",
        ),
    ] {
        place.front.on(is("GetPublicKey"), act, For::Ever);
        let (code, says) = preflight(&place.with_keys()).await;
        assert!(code == Some(expected) && says.contains(told), "{told}: {says}");
        place.front.clear();
    }
    Ok(())
}
