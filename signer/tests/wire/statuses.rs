//! The status of each request, and the rest of the answer.

use std::{
    io,
    pin::{Pin, pin},
    task::{Context, Poll},
    time::Duration,
};

use crate::support::{self, PUBLIC_KEY, Signer, TOKEN, everything, local_key, post, signer, vote};
use axum::body::{Body, HttpBody};
use bytes::Bytes;
use http::{Method, Request};
use hyper::body::Frame;
use serde_json::json;
use signer::{
    backend::{Backend, BackendError, LocalKey, Signature},
    protocol::PublicKey,
    telemetry::ClientFault,
};
use tokio::time::timeout;

/// A body of unknown length.
enum Frames {
    /// No frame arrives.
    Never,
    /// These frames, followed by the end or an error.
    Then(Vec<Bytes>, bool),
}

impl HttpBody for Frames {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match &mut *self {
            Self::Never => Poll::Pending,
            Self::Then(frames, breaks) => Poll::Ready(match frames.pop() {
                Some(frame) => Some(Ok(Frame::data(frame))),
                None => breaks.then(|| Err(io::ErrorKind::ConnectionReset.into())),
            }),
        }
    }
}

const PATHS: [&str; 6] = ["/votes", "/blocks", "/challenges", "/public-keys", "/", "/nowhere"];

fn request(method: Method, path: &str) -> http::request::Builder {
    Request::builder().method(method).uri(path)
}

#[tokio::test]
async fn without_the_token_there_is_nothing_but_401() {
    let signer = signer();
    for method in [
        Method::POST,
        Method::PUT,
        Method::DELETE,
        Method::PATCH,
        Method::OPTIONS,
    ] {
        for path in PATHS {
            for token in [
                None,
                Some("wrong"),
                Some(""),
                Some("Bearer "),
                Some("Bearer wrong"),
                Some("0123456789abcdef"),
            ] {
                let mut request = request(method.clone(), path);
                if let Some(token) = token {
                    request = request.header("authorization", token);
                }
                let answer = signer.send(request.body(Body::from("not JSON")).unwrap()).await;
                assert_eq!(
                    (answer.status.as_u16(), answer.body.as_str()),
                    (401, ""),
                    "{method} {path} {token:?}"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_body_that_never_comes_does_not_delay_a_401() {
    let never = Body::new(Frames::Never);
    let answer = signer()
        .send(request(Method::POST, "/votes").body(never).unwrap())
        .await;
    assert_eq!(answer.status, 401);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_never_comes_is_given_up() {
    let never = Body::new(Frames::Never);
    let answer = signer().send(post("/votes").body(never).unwrap()).await;
    assert_eq!(answer.status, 408);
    assert_eq!(answer.headers["connection"], "close");
}

#[tokio::test]
async fn getting_takes_no_token() {
    let signer = signer();
    let answer = signer
        .send(request(Method::GET, "/public-keys").body(Body::empty()).unwrap())
        .await;
    assert_eq!(
        (answer.status.as_u16(), answer.json()),
        (200, json!({ "publicKey": PUBLIC_KEY }))
    );
    let answer = signer
        .send(request(Method::HEAD, "/public-keys").body(Body::empty()).unwrap())
        .await;
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (200, ""));
    assert_eq!(
        signer
            .send(request(Method::GET, "/nowhere").body(Body::empty()).unwrap())
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn unknown_paths_and_methods() {
    let signer = signer();
    for path in ["/nowhere", "/votes/", "/votes/1", "/Votes", "/public-keys/"] {
        let answer = signer.post(path, "{}").await;
        assert_eq!(answer.status, 404, "{path}");
        assert!(answer.json()["message"].is_string());
    }
    for (method, path, allowed) in [
        (Method::GET, "/votes", "POST"),
        (Method::PUT, "/votes", "POST"),
        (Method::DELETE, "/blocks", "POST"),
        (Method::GET, "/challenges", "POST"),
        (Method::POST, "/public-keys", "GET, HEAD"),
    ] {
        let request = request(method.clone(), path).header("authorization", TOKEN);
        let answer = signer.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, 405, "{method} {path}");
        assert_eq!(answer.headers["allow"], allowed, "{method} {path}");
    }
}

#[tokio::test]
async fn only_json_is_spoken() {
    let signer = signer();
    let body = vote(&json!({})).to_string();
    for (content_type, accept, status) in [
        (Some("application/json"), None, 200),
        (Some("application/json; charset=utf-8"), Some("*/*"), 200),
        (None, None, 415),
        (Some("text/plain"), None, 415),
        (Some("application/x-www-form-urlencoded"), Some("application/json"), 415),
        (Some("application/json"), Some("text/html"), 406),
        (Some("application/json"), Some("application/json;q=0"), 406),
    ] {
        let mut request = request(Method::POST, "/votes").header("authorization", TOKEN);
        for (name, value) in [("content-type", content_type), ("accept", accept)] {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        let answer = signer.send(request.body(Body::from(body.clone())).unwrap()).await;
        assert_eq!(answer.status, status, "{content_type:?} {accept:?}");
    }
    let request = request(Method::GET, "/public-keys").header("accept", "text/html");
    assert_eq!(signer.send(request.body(Body::empty()).unwrap()).await.status, 406);
}

#[tokio::test]
async fn bodies_over_64_kib_are_too_large_however_they_come() {
    let signer = signer();
    let padded = |length: usize| {
        let vote = vote(&json!({})).to_string();
        format!("{vote}{}", " ".repeat(length - vote.len()))
    };
    signer.post("/votes", padded(65_536)).await.signature();
    assert_eq!(signer.post("/votes", padded(65_537)).await.status, 413);
    let half = Bytes::from(padded(65_536)[..40_000].to_owned());
    let chunked = Body::new(Frames::Then(vec![half.clone(), half], false));
    assert_eq!(signer.post("/votes", chunked).await.status, 413);
}

#[tokio::test]
async fn a_body_that_breaks_off_is_never_the_clients_mistake() {
    let broken = Body::new(Frames::Then(vec![Bytes::from_static(b"{\"target\":")], true));
    assert_eq!(signer().post("/votes", broken).await.status, 408);
}

struct Failing(LocalKey, bool);

impl Backend for Failing {
    fn public_key(&self) -> PublicKey {
        self.0.public_key()
    }

    async fn sign(&self, _: &[u8]) -> Result<Signature, BackendError> {
        assert!(!self.1, "as ordered");
        Err(BackendError::Sign)
    }
}

#[tokio::test]
async fn what_may_go_better_next_time_is_429() {
    for (panics, code) in [(false, "BACKEND_UNAVAILABLE"), (true, "INTERNAL")] {
        let signer = Signer::new(Failing(local_key(support::SEED), panics), everything());
        let answer = signer.post("/votes", vote(&json!({})).to_string()).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["code"]), (429, &json!(code)));
        assert_eq!(answer.headers["retry-after"], "1");
        assert!(answer.json()["message"].is_string());
    }
}

#[tokio::test]
async fn while_it_ends_what_can_be_signed_is_signed_and_the_rest_is_429() {
    let signer = signer();
    signer.health.drain();
    signer.health.give_up();
    signer.post("/votes", vote(&json!({})).to_string()).await.signature();
    let get = request(Method::GET, "/public-keys").body(Body::empty()).unwrap();
    assert_eq!(signer.send(get).await.status, 200);

    let signer = Signer::new(Silent(local_key(support::SEED)), everything());
    let mut answer = pin!(signer.post("/votes", vote(&json!({})).to_string()));
    assert!(timeout(Duration::ZERO, answer.as_mut()).await.is_err());
    signer.health.give_up();
    let answer = answer.await;
    assert_eq!(
        (answer.status.as_u16(), &answer.json()["code"]),
        (429, &json!("DRAINING"))
    );
}

/// A backend that never answers.
struct Silent(LocalKey);

impl Backend for Silent {
    fn public_key(&self) -> PublicKey {
        self.0.public_key()
    }

    async fn sign(&self, _: &[u8]) -> Result<Signature, BackendError> {
        std::future::pending().await
    }
}

#[tokio::test]
async fn what_its_client_does_not_wait_for_is_counted() {
    let signer = Signer::new(Silent(local_key(support::SEED)), everything());
    let whole = Body::from(vote(&json!({})).to_string());
    for (body, reason) in [(whole, "client_gone"), (Body::new(Frames::Never), "incomplete")] {
        assert!(timeout(Duration::ZERO, signer.post("/votes", body)).await.is_err());
        let metrics = String::from_utf8(signer.metrics.render(&signer.health)).unwrap();
        let line = format!("atto_signer_refusals_total{{reason=\"{reason}\"}} 1");
        assert!(metrics.lines().any(|found| found == line), "{metrics}");
    }
    let metrics = String::from_utf8(signer.metrics.render(&signer.health)).unwrap();
    for line in [
        "atto_signer_signatures_total{kind=\"vote\",outcome=\"failed\"} 2",
        "http_server_requests_seconds_count{method=\"POST\",outcome=\"UNKNOWN\",status=\"UNKNOWN\",uri=\"/votes\"} 2",
    ] {
        assert!(metrics.lines().any(|found| found == line), "{metrics}");
    }
}

#[tokio::test]
async fn a_client_that_is_wrong_in_all_it_asks_for_is_noticed() {
    let signer = signer();
    let wrong_token = || {
        request(Method::POST, "/votes")
            .header("authorization", "x")
            .body(Body::empty())
            .unwrap()
    };
    for _ in 0..3 {
        assert_eq!(signer.health.client_fault(), None);
        signer.send(wrong_token()).await;
    }
    assert_eq!(signer.health.client_fault(), Some(ClientFault::WrongToken));
    signer.post("/votes", vote(&json!({})).to_string()).await.signature();
    assert_eq!(signer.health.client_fault(), None);
}

#[tokio::test]
async fn everything_is_counted() {
    let signer = signer();
    signer.post("/votes", vote(&json!({})).to_string()).await;
    signer.post("/votes", "{").await;
    signer.post("/nowhere", "").await;
    signer
        .send(request(Method::POST, "/blocks").body(Body::empty()).unwrap())
        .await;
    let metrics = String::from_utf8(signer.metrics.render(&signer.health)).unwrap();
    for line in [
        "atto_signer_signatures_total{kind=\"vote\",outcome=\"signed\"} 1",
        "atto_signer_signatures_total{kind=\"vote\",outcome=\"refused\"} 1",
        "atto_signer_signature_duration_seconds_count{kind=\"vote\",outcome=\"signed\"} 1",
        "http_server_requests_seconds_count{method=\"POST\",outcome=\"SUCCESS\",status=\"200\",uri=\"/votes\"} 1",
        "http_server_requests_seconds_count{method=\"POST\",outcome=\"CLIENT_ERROR\",status=\"404\",uri=\"OTHER\"} 1",
        "atto_signer_refusals_total{reason=\"invalid\"} 1",
        "atto_signer_refusals_total{reason=\"not_found\"} 1",
        "atto_signer_refusals_total{reason=\"wrong_token\"} 1",
    ] {
        assert!(
            metrics.lines().any(|found| found == line),
            "{line} is missing in:\n{metrics}"
        );
    }
}
