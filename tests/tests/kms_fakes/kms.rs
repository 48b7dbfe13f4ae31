//! The two methods, and each of their faults.

use std::time::Duration;

use data_encoding::BASE64;
use ed25519_dalek::{Signature, VerifyingKey};
use serde_json::{Value, json};
use tests::eventually;
use tests::fake_kms::{Code, FakeKms, Fault, KEY_VERSION, KeyState, Method, Permission, crc32c};
use tests::fake_server::For;

use crate::http::{Answer, get, post, send};

const DATA: &[u8; 32] = b"the thirty-two bytes of one hash";
const PREFIX: &[u8] = &[0x30, 0x2A, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x03, 0x21, 0x00];

fn kms() -> FakeKms {
    FakeKms::start([7; 32]).unwrap()
}

fn host(kms: &FakeKms) -> String {
    kms.endpoint().strip_prefix("http://").unwrap().to_owned()
}

async fn public_key(kms: &FakeKms) -> std::io::Result<Answer> {
    get(
        &host(kms),
        &format!("/v1/{KEY_VERSION}/publicKey?publicKeyFormat=0"),
        "",
    )
    .await
}

async fn sign(kms: &FakeKms) -> std::io::Result<Answer> {
    let body = json!({ "data": BASE64.encode(DATA), "dataCrc32c": crc32c(DATA).to_string() });
    post(&host(kms), &format!("/v1/{KEY_VERSION}:asymmetricSign"), &body).await
}

fn signature(answer: &Value) -> Vec<u8> {
    BASE64.decode(answer["signature"].as_str().unwrap().as_bytes()).unwrap()
}

/// The length of the signature, whether its checksum is right, and whether it is a signature by this key over the data.
fn checked(answer: &Value, key: &VerifyingKey) -> (usize, bool, bool) {
    let bytes = signature(answer);
    let verified = Signature::from_slice(&bytes).is_ok_and(|signature| key.verify_strict(DATA, &signature).is_ok());
    let checksum = answer["signatureCrc32c"]
        .as_str()
        .map(|sum| sum.parse::<u32>().unwrap());
    (bytes.len(), checksum == Some(crc32c(&bytes)), verified)
}

#[tokio::test]
async fn the_public_key_is_a_pem_with_its_checksum() {
    let kms = kms();
    let answer = public_key(&kms).await.unwrap();
    assert_eq!(answer.status, 200);
    assert!(
        answer.head.contains("content-type: application/json; charset=utf-8"),
        "{answer:?}"
    );
    let answer = answer.json();
    let der = [PREFIX, kms.verifying_key().as_bytes()].concat();
    let pem = format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
        BASE64.encode(&der)
    );
    assert_eq!(
        answer,
        json!({
            "pem": pem,
            "pemCrc32c": crc32c(pem.as_bytes()).to_string(),
            "algorithm": "EC_SIGN_ED25519",
            "name": KEY_VERSION,
            "protectionLevel": "SOFTWARE",
            "publicKeyFormat": "PEM",
        })
    );
    assert_eq!(kms.calls().of(Method::GetPublicKey), 1);
}

#[tokio::test]
async fn data_is_signed_and_its_checksum_acknowledged() {
    let kms = kms();
    let answer = sign(&kms).await.unwrap();
    assert_eq!(answer.status, 200);
    let answer = answer.json();
    assert_eq!(checked(&answer, &kms.verifying_key()), (64, true, true));
    assert_eq!(answer["verifiedDataCrc32c"], true);
    assert_eq!(answer["name"], KEY_VERSION);
    let again = sign(&kms).await.unwrap().json();
    assert_eq!(signature(&again), signature(&answer), "Ed25519 is deterministic");
    assert_eq!(
        (kms.calls().of(Method::AsymmetricSign), kms.calls().to_sign(DATA)),
        (2, 2)
    );
    assert_eq!((kms.calls().to_sign_bytes(32), kms.calls().to_sign_bytes(41)), (2, 0));
}

#[tokio::test]
async fn requests_that_google_refuses_are_refused() {
    let kms = kms();
    let path = format!("/v1/{KEY_VERSION}:asymmetricSign");
    let data = BASE64.encode(DATA);
    for body in [
        json!({}),
        json!({ "data": "no base64!" }),
        json!({ "data": data, "dataCrc32c": "1" }),
        json!({ "data": data, "dataCrc32c": "many" }),
        json!({ "digest": { "sha256": data } }),
    ] {
        let answer = post(&host(&kms), &path, &body).await.unwrap();
        assert_eq!(answer.status, 400, "{body}");
        assert_eq!(answer.error()["status"], "INVALID_ARGUMENT", "{body}");
    }
    // Without a checksum it signs, and does not claim to have checked one. A number is an int64 too.
    let unchecked = post(&host(&kms), &path, &json!({ "data": data })).await.unwrap();
    assert_eq!(
        (unchecked.status, unchecked.json().get("verifiedDataCrc32c")),
        (200, None)
    );
    let body = json!({ "data": data, "dataCrc32c": crc32c(DATA) });
    assert_eq!(
        post(&host(&kms), &path, &body).await.unwrap().json()["verifiedDataCrc32c"],
        true
    );
    let other = get(&host(&kms), &format!("/v1/{KEY_VERSION}2/publicKey"), "")
        .await
        .unwrap();
    assert_eq!((other.status, &other.error()["status"]), (404, &json!("NOT_FOUND")));
}

#[tokio::test]
async fn every_code_of_grpc_has_googles_status_and_envelope() {
    let kms = kms();
    for code in Code::ALL {
        kms.faults(Method::AsymmetricSign).next(Fault::Code(code));
        kms.faults(Method::GetPublicKey).next(Fault::Code(code));
        for answer in [sign(&kms).await.unwrap(), public_key(&kms).await.unwrap()] {
            assert_eq!(answer.status, code.http());
            let error = answer.error();
            assert_eq!(
                (&error["code"], &error["status"]),
                (&json!(code.http()), &json!(code.name()))
            );
            assert!(!error["message"].as_str().unwrap().is_empty());
        }
        assert_eq!(sign(&kms).await.unwrap().status, 200, "{code:?} was for one call");
    }
}

#[tokio::test]
async fn signatures_are_wrong_in_the_way_that_is_asked_for() {
    let kms = kms();
    for (fault, expected) in [
        (Fault::CorruptBytes, (64, false, false)),
        (Fault::CorruptBytesAndChecksum, (64, true, false)),
        (Fault::WrongChecksum, (64, false, true)),
        (Fault::NoChecksum, (64, false, true)),
        (Fault::Short, (32, true, false)),
        (Fault::OtherName, (64, true, false)),
        (Fault::NoName, (64, true, true)),
        (Fault::DataNotVerified, (64, true, true)),
        (Fault::Delay(Duration::from_millis(1)), (64, true, true)),
    ] {
        kms.faults(Method::AsymmetricSign).next(fault.clone());
        let answer = sign(&kms).await.unwrap().json();
        assert_eq!(checked(&answer, &kms.verifying_key()), expected, "{fault:?}");
        assert_eq!(
            answer["name"] == KEY_VERSION,
            !matches!(fault, Fault::OtherName | Fault::NoName),
            "{fault:?}"
        );
        assert_eq!(
            answer["verifiedDataCrc32c"] == true,
            fault != Fault::DataNotVerified,
            "{fault:?}"
        );
    }
}

#[tokio::test]
async fn public_keys_are_wrong_in_the_way_that_is_asked_for() {
    let kms = kms();
    let good = public_key(&kms).await.unwrap().json();
    for (fault, same_pem, checksum_fits) in [
        (Fault::CorruptBytes, false, false),
        (Fault::CorruptBytesAndChecksum, false, true),
        (Fault::WrongChecksum, true, false),
        (Fault::NoChecksum, true, false),
        (Fault::Short, false, true),
        (Fault::OtherName, false, true),
        (Fault::NoName, true, true),
        (Fault::OtherAlgorithm, true, true),
    ] {
        kms.faults(Method::GetPublicKey).next(fault.clone());
        let answer = public_key(&kms).await.unwrap().json();
        assert_eq!(answer["pem"] == good["pem"], same_pem, "{fault:?}");
        let checksum = crc32c(answer["pem"].as_str().unwrap().as_bytes()).to_string();
        assert_eq!(answer["pemCrc32c"] == checksum, checksum_fits, "{fault:?}");
        assert_eq!(
            answer["algorithm"] == "EC_SIGN_ED25519",
            fault != Fault::OtherAlgorithm,
            "{fault:?}"
        );
    }
}

#[tokio::test]
async fn answers_that_are_none() {
    let kms = kms();
    let faults = kms.faults(Method::AsymmetricSign);
    faults.next(Fault::Html(502));
    faults.next(Fault::BrokenJson);
    faults.push(Fault::Drop, For::Calls(2));
    let html = sign(&kms).await.unwrap();
    assert_eq!((html.status, html.head.contains("text/html")), (502, true));
    let broken = sign(&kms).await.unwrap();
    assert_eq!(broken.status, 200);
    assert!(serde_json::from_str::<Value>(&broken.body).is_err(), "{broken:?}");
    assert!(sign(&kms).await.is_err());
    assert!(sign(&kms).await.is_err());
    assert_eq!(sign(&kms).await.unwrap().status, 200);
    assert_eq!(kms.calls().to_sign(DATA), 5, "what is dropped was carried out");
}

#[tokio::test]
async fn a_call_that_hangs_is_under_way_until_its_client_goes() {
    let kms = kms();
    kms.faults(Method::GetPublicKey).next(Fault::Hang);
    let host = host(&kms);
    let request = format!("GET /v1/{KEY_VERSION}/publicKey HTTP/1.1\r\nHost: {host}\r\n\r\n");
    let hanging = send(&host, &request).await.unwrap();
    under_way(&kms, 1).await;
    assert_eq!(sign(&kms).await.unwrap().status, 200, "others are served");
    assert_eq!(kms.calls().most_at_once(), 2);
    drop(hanging);
    under_way(&kms, 0).await;
}

async fn under_way(kms: &FakeKms, expected: u64) {
    eventually(crate::http::PATIENCE, "calls under way", async || {
        let now = kms.calls().under_way();
        anyhow::ensure!(now == expected, "{now}");
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_key_that_is_not_enabled_says_its_state() {
    let kms = kms();
    for (state, name) in [
        (KeyState::Disabled, "DISABLED"),
        (KeyState::DestroyScheduled, "DESTROY_SCHEDULED"),
        (KeyState::Destroyed, "DESTROYED"),
        (KeyState::PendingGeneration, "PENDING_GENERATION"),
        (KeyState::PendingImport, "PENDING_IMPORT"),
    ] {
        kms.set_key_state(state);
        for answer in [sign(&kms).await.unwrap(), public_key(&kms).await.unwrap()] {
            assert_eq!(answer.status, 400);
            assert_eq!(
                answer.error(),
                json!({
                    "code": 400,
                    "message": format!("{KEY_VERSION} is not enabled, current state is: {name}."),
                    "status": "FAILED_PRECONDITION",
                    "details": [{
                        "@type": "type.googleapis.com/google.rpc.PreconditionFailure",
                        "violations": [{ "type": format!("KEY_{name}"), "subject": KEY_VERSION }],
                    }],
                })
            );
        }
    }
    kms.set_key_state(KeyState::Enabled);
    assert_eq!(sign(&kms).await.unwrap().status, 200);
}

#[tokio::test]
async fn each_permission_is_revoked_by_itself() {
    let kms = kms();
    kms.revoke(Permission::UseToSign);
    let refused = sign(&kms).await.unwrap();
    assert_eq!(refused.status, 403);
    let error = refused.error();
    assert_eq!(error["status"], "PERMISSION_DENIED");
    assert_eq!(
        error["details"][0]["metadata"]["permission"],
        "cloudkms.cryptoKeyVersions.useToSign"
    );
    assert_eq!(
        public_key(&kms).await.unwrap().status,
        200,
        "the public key still answers"
    );
    kms.revoke(Permission::ViewPublicKey);
    kms.grant(Permission::UseToSign);
    assert_eq!(sign(&kms).await.unwrap().status, 200);
    assert_eq!(public_key(&kms).await.unwrap().status, 403);
}
