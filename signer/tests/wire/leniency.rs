//! Bodies that differ only in form get the same signature.

use crate::support::{self, Signer, signer, vote};
use axum::body::Body;
use proptest::{prelude::*, test_runner::TestRunner};
use serde_json::{Value, json};

fn send_block() -> Vec<(&'static str, Value)> {
    vec![
        ("type", json!("SEND")),
        ("network", json!("LIVE")),
        ("version", json!(0)),
        ("algorithm", json!("V1")),
        ("publicKey", json!(support::PUBLIC_KEY)),
        ("height", json!(u64::MAX)),
        ("balance", json!(18_000_000_000_000_000_000_u64)),
        ("timestamp", json!(-5)),
        ("previous", json!("CD".repeat(32))),
        ("receiverAlgorithm", json!("V1")),
        ("receiverPublicKey", json!("EF".repeat(32))),
        ("amount", json!(0)),
    ]
}

fn text(fields: &[(&str, Value)]) -> String {
    let fields: Vec<String> = fields
        .iter()
        .map(|(name, value)| format!("\"{name}\": {value}"))
        .collect();
    format!("{{\"target\":{{{}}}}}", fields.join(" ,\n"))
}

async fn signature(signer: &Signer, path: &str, body: String) -> String {
    signer.post(path, body).await.signature()
}

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}

#[test]
fn order_case_quotes_and_unknown_fields_change_nothing() {
    let signer = signer();
    let expected = block_on(signature(&signer, "/blocks", text(&send_block())));
    let mut runner = TestRunner::default();
    let strategy = (
        Just(send_block()).prop_shuffle(),
        any::<u64>(),
        any::<u64>(),
        0..14_usize,
    );
    runner
        .run(&strategy, |(mut fields, quoted, lowered, place)| {
            for (index, (name, value)) in fields.iter_mut().enumerate() {
                let is_hex = name.ends_with("PublicKey") || *name == "publicKey" || *name == "previous";
                if value.is_number() && quoted >> index & 1 == 1 {
                    *value = json!(value.to_string());
                } else if is_hex && lowered >> index & 1 == 1 {
                    *value = json!(value.as_str().unwrap_or_default().to_lowercase());
                }
            }
            let unknown = json!({ "a": [1.5, "x", null, { "type": "OPEN" }] });
            fields.insert(place.min(fields.len()), ("receiverAddress", unknown));
            prop_assert_eq!(&block_on(signature(&signer, "/blocks", text(&fields))), &expected);
            Ok(())
        })
        .unwrap();
}

#[test]
fn every_timestamp_and_version_is_signed_as_itself() {
    let signer = signer();
    let mut runner = TestRunner::default();
    runner
        .run(&(any::<i64>(), any::<u16>()), |(timestamp, version)| {
            let bare = vote(&json!({ "timestamp": timestamp, "version": version }));
            let quoted = vote(&json!({ "timestamp": timestamp.to_string(), "version": version.to_string() }));
            let bare = block_on(signature(&signer, "/votes", bare.to_string()));
            prop_assert_eq!(bare, block_on(signature(&signer, "/votes", quoted.to_string())));
            Ok(())
        })
        .unwrap();
}

#[test]
fn whatever_the_body_is_the_answer_is_a_signature_or_a_message() {
    let signer = signer();
    let template = text(&send_block()).into_bytes();
    let mut runner = TestRunner::default();
    let strategy = (0..template.len(), any::<u8>(), 0..template.len());
    runner
        .run(&strategy, |(at, byte, cut)| {
            let mut changed = template.clone();
            changed[at] = byte;
            for body in [changed, template[..cut].to_vec(), template[cut..].to_vec()] {
                let answer = block_on(signer.post("/blocks", body));
                let excerpt = answer.json();
                prop_assert!(answer.status == 200 || answer.status == 400);
                prop_assert!(answer.status == 200 || excerpt["message"].as_str().is_some_and(|text| text.len() < 300));
            }
            Ok(())
        })
        .unwrap();
}

#[tokio::test]
async fn fields_of_other_types_do_not_matter() {
    let signer = signer();
    let open = json!({ "target": {
        "height": "not a number", "amount": -1, "previous": [], "target": 3,
        "type": "OPEN", "network": "LOCAL", "version": 65535, "algorithm": "V1", "publicKey": support::PUBLIC_KEY,
        "balance": 1, "timestamp": i64::MAX, "sendHashAlgorithm": "V1", "sendHash": "00".repeat(32),
        "representativeAlgorithm": "V1", "representativePublicKey": "11".repeat(32),
    }, "more": null });
    signer.post("/blocks", open.to_string()).await.signature();
}

#[tokio::test]
async fn escaped_names_and_values_are_what_they_stand_for() {
    let signer = signer();
    let plain = vote(&json!({})).to_string();
    let escaped = plain
        .replace("\"target\"", "\"\\u0074arget\"")
        .replace("\"V1\"", "\"\\u00561\"");
    assert_ne!(plain, escaped);
    assert_eq!(
        signature(&signer, "/votes", escaped).await,
        signature(&signer, "/votes", plain).await
    );
}

#[tokio::test]
async fn a_client_whose_url_ends_in_a_slash_is_served() {
    let signer = signer();
    let body = vote(&json!({})).to_string();
    let expected = signature(&signer, "/votes", body.clone()).await;
    assert_eq!(signature(&signer, "//votes", body.clone()).await, expected);
    let answer = signer
        .send(http::Request::get("//public-keys").body(Body::empty()).unwrap())
        .await;
    assert_eq!(answer.status, 200);
    assert_eq!(signer.post("/votes/", body).await.status, 404);
}

#[tokio::test]
async fn the_token_may_come_as_bearer_and_the_body_in_pieces() {
    let signer = signer();
    let body = vote(&json!({})).to_string();
    let expected = signature(&signer, "/votes", body.clone()).await;
    let request = http::Request::post("/votes")
        .header("authorization", format!("Bearer {}", support::TOKEN))
        .header("content-type", "application/json; charset=utf-8")
        .body(Body::new(Pieces(body.clone().into_bytes().into_iter())))
        .unwrap();
    assert_eq!(signer.send(request).await.signature(), expected);
}

/// A body with one byte in each frame.
struct Pieces(std::vec::IntoIter<u8>);

impl axum::body::HttpBody for Pieces {
    type Data = bytes::Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<hyper::body::Frame<bytes::Bytes>, Self::Error>>> {
        std::task::Poll::Ready(
            self.0
                .next()
                .map(|byte| Ok(hyper::body::Frame::data(bytes::Bytes::from(vec![byte])))),
        )
    }
}
