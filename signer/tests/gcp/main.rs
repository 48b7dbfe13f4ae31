//! Google's client with a stub of KMS on loopback: its requests, and its handling of answers.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use data_encoding::BASE64;
use ed25519_dalek::{Signer, SigningKey};
use http_body_util::BodyExt;
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use signer::backend::{
    Cause, Endpoint, GcpLocation, LoadError, Location, Session, SessionKey, prove_twice, self_test_text, verify,
};
use tokio::net::TcpListener;
use tower::ServiceExt;

const NAME: &str = "projects/p/locations/global/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1";

/// How the stub differs from KMS.
#[derive(Clone, Copy, PartialEq)]
enum Twist {
    None,
    Status(u16, &'static str),
    Algorithm,
    Checksum,
    Unconfirmed,
}

fn key() -> SigningKey {
    SigningKey::from_bytes(&[9; 32])
}

fn checksum(bytes: &[u8]) -> String {
    crc32c::crc32c(bytes).to_string()
}

fn public_key(twist: Twist) -> Value {
    let prefix = [0x30, 0x2A, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x03, 0x21, 0x00];
    let der = [&prefix[..], &key().verifying_key().to_bytes()].concat();
    let pem = format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
        BASE64.encode(&der)
    );
    let algorithm = if twist == Twist::Algorithm {
        "EC_SIGN_P256_SHA256"
    } else {
        "EC_SIGN_ED25519"
    };
    json!({ "name": NAME, "pem": pem, "pemCrc32c": checksum(pem.as_bytes()), "algorithm": algorithm })
}

fn signature(body: &Value, twist: Twist) -> Value {
    assert!(body.get("digest").is_none(), "pure Ed25519 takes data: {body}");
    let data = BASE64
        .decode(body["data"].as_str().expect("data").as_bytes())
        .expect("base64");
    assert_eq!(body["dataCrc32c"], checksum(&data));
    let signature = key().sign(&data).to_bytes();
    let summed = if twist == Twist::Checksum {
        &data
    } else {
        &signature[..]
    };
    json!({
        "name": NAME, "signature": BASE64.encode(&signature), "signatureCrc32c": checksum(summed),
        "verifiedDataCrc32c": twist != Twist::Unconfirmed,
    })
}

async fn answer(State(twist): State<Twist>, request: Request) -> Response {
    assert!(
        !request.headers().contains_key("authorization"),
        "loopback gets no token"
    );
    let path = request.uri().path().to_owned();
    let body = request.into_body().collect().await.expect("a body").to_bytes();
    if path == format!("/v1/{NAME}/publicKey") {
        return public_key(twist).to_string().into_response();
    }
    assert_eq!(path, format!("/v1/{NAME}:asymmetricSign"));
    if let Twist::Status(code, status) = twist {
        let error = json!({ "error": { "code": code, "status": status, "message": "as told" } });
        return (StatusCode::from_u16(code).expect("a status"), error.to_string()).into_response();
    }
    signature(&serde_json::from_slice(&body).expect("JSON"), twist)
        .to_string()
        .into_response()
}

/// A stub on a free port, and a session with it.
async fn stub(twist: Twist) -> Arc<dyn Session> {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let router = Router::new().fallback(answer).with_state(twist);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let router = router.clone();
            let service = service_fn(move |request| router.clone().oneshot(request));
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    let location = GcpLocation {
        federation: None,
        key_version: NAME.to_owned(),
        endpoint: Some(Endpoint {
            url,
            is_anonymous: true,
        }),
    };
    let session = location.open();
    tokio::spawn(session.clone().upkeep());
    session.settled(Duration::from_secs(20)).await;
    session
}

#[tokio::test]
async fn the_public_key_is_read_and_signatures_verify() {
    let session = stub(Twist::None).await;
    let public_key = session.load().await.unwrap().public_key;
    assert_eq!(public_key.0, key().verifying_key().to_bytes());
    assert_eq!(prove_twice(&SessionKey::new(session.clone(), public_key)).await, Ok(()));
    for hash in [&[1; 32][..], &[2; 64]] {
        let signature = session.sign(hash).await.unwrap();
        assert_eq!(verify(public_key, hash, &signature), Ok(()));
    }
}

#[tokio::test]
async fn a_key_of_another_algorithm_is_told_apart() {
    let Err(LoadError::Never(says)) = stub(Twist::Algorithm).await.load().await else {
        panic!("it will never sign");
    };
    assert!(says.starts_with("found a key version with the algorithm EC_SIGN_P256_SHA256, expected EC_SIGN_ED25519; "));
}

#[tokio::test]
async fn what_kms_refuses_keeps_its_code_and_what_does_not_add_up_is_refused() {
    let twists = [
        (Twist::Status(503, "UNAVAILABLE"), Cause::Unavailable),
        (Twist::Status(500, "INTERNAL"), Cause::Internal),
        (Twist::Status(409, "ABORTED"), Cause::Aborted),
        (Twist::Status(504, "DEADLINE_EXCEEDED"), Cause::DeadlineExceeded),
        (Twist::Status(403, "PERMISSION_DENIED"), Cause::PermissionDenied),
        (Twist::Status(404, "NOT_FOUND"), Cause::NotFound),
        (Twist::Status(400, "FAILED_PRECONDITION"), Cause::FailedPrecondition),
        (Twist::Status(400, "INVALID_ARGUMENT"), Cause::InvalidArgument),
        (Twist::Status(401, "UNAUTHENTICATED"), Cause::Unauthenticated),
        (Twist::Status(429, "RESOURCE_EXHAUSTED"), Cause::ResourceExhausted),
        (Twist::Checksum, Cause::Check),
        (Twist::Unconfirmed, Cause::Check),
    ];
    for (twist, cause) in twists {
        let session = stub(twist).await;
        session.load().await.unwrap();
        let fault = session.sign(&self_test_text().unwrap()).await.unwrap_err();
        assert_eq!(fault.cause, cause, "{fault}");
    }
}
