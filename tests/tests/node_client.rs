//! The model of the node behaves as the node was measured to behave. Time is virtual, so the durations are the node's
//! own.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail the test")]

use std::io::{self, ErrorKind};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use data_encoding::HEXLOWER;
use ed25519_dalek::{Signer, SigningKey, VerifyingKey};
use futures::future::{BoxFuture, FutureExt};
use tests::node_client::{Dial, Load, Loss, Message, NodeClient, Outcome, Stream, random_vote};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::time::{sleep, timeout};

/// The server's action on one connection.
#[derive(Clone)]
enum Step {
    Refuse,
    Reset,
    /// Reads the request and closes.
    Close,
    /// Reads the request and never answers.
    Hang,
    /// Sends these bytes after this many milliseconds.
    Send(u64, String),
    /// Sends these bytes one by one, this many milliseconds apart.
    Drip(u64, String),
}

/// A server that takes one step for each connection, and repeats the last step.
#[derive(Clone)]
struct Server {
    steps: Arc<[Step]>,
    requests: Arc<Mutex<Vec<String>>>,
    dialled: Arc<AtomicUsize>,
}

impl Server {
    fn new(steps: &[Step]) -> Self {
        Self {
            steps: steps.into(),
            requests: Arc::default(),
            dialled: Arc::default(),
        }
    }

    fn client(&self) -> NodeClient {
        NodeClient::over(self.clone(), "localhost:9090", "0123456789abcdef0123456789abcdef")
    }

    async fn serve(self, step: Step, mut stream: DuplexStream) {
        let mut bytes = Vec::new();
        while !is_whole(&bytes) {
            assert_ne!(
                stream.read_buf(&mut bytes).await.unwrap(),
                0,
                "half-closed before the answer"
            );
        }
        self.requests.lock().unwrap().push(String::from_utf8(bytes).unwrap());
        match step {
            Step::Refuse | Step::Reset | Step::Close => return,
            Step::Hang => {}
            Step::Send(after, text) => {
                sleep(Duration::from_millis(after)).await;
                // The node may have disconnected.
                let _ = stream.write_all(text.as_bytes()).await;
            }
            Step::Drip(pause, text) => {
                for byte in text.bytes() {
                    sleep(Duration::from_millis(pause)).await;
                    let _ = stream.write_all(&[byte]).await;
                }
            }
        }
        // The node closes the connection.
        assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
    }
}

impl Dial for Server {
    fn dial(&self) -> BoxFuture<'_, io::Result<Box<dyn Stream>>> {
        let number = self.dialled.fetch_add(1, Ordering::SeqCst);
        let step = self.steps[number.min(self.steps.len() - 1)].clone();
        async move {
            match step {
                Step::Refuse => return Err(ErrorKind::ConnectionRefused.into()),
                Step::Reset => return Err(ErrorKind::ConnectionReset.into()),
                _ => {}
            }
            let (near, far) = tokio::io::duplex(64 * 1024);
            tokio::spawn(self.clone().serve(step, far));
            Ok(Box::new(near) as Box<dyn Stream>)
        }
        .boxed()
    }
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
    body.len() >= length.map_or(0, |length| length.parse().unwrap())
}

fn answer(status: &str, kind: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nRetry-After: 30\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn status(status: &str) -> Step {
    Step::Send(0, answer(status, "application/json", r#"{"message":"no"}"#))
}

fn key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

fn verifying() -> VerifyingKey {
    key().verifying_key()
}

/// The signer's format, except for lower-case letters and an unknown field, which the node accepts.
fn signed(message: &Message) -> String {
    let signature = HEXLOWER.encode(&key().sign(&message.hash).to_bytes());
    answer(
        "200 OK",
        "application/json",
        &format!(r#"{{"more":1,"signature":"{signature}"}}"#),
    )
}

/// Signs with a server that takes these steps and then answers correctly.
async fn sign(steps: &[Step]) -> (Outcome, Server) {
    let message = random_vote(&verifying());
    let last = Step::Send(0, signed(&message));
    let server = Server::new(&[steps, &[last]].concat());
    let outcome = server.client().sign(&message, &verifying()).await;
    (outcome, server)
}

#[tokio::test(start_paused = true)]
async fn what_passes_is_asked_for_again_each_second() {
    for (what, step) in [
        ("429", status("429 Too Many Requests")),
        ("408", status("408 Request Timeout")),
        ("refused", Step::Refuse),
        ("reset", Step::Reset),
        ("closed", Step::Close),
        ("302", status("302 Found")),
        ("204", Step::Send(0, "HTTP/1.1 204 No Content\r\n\r\n".to_owned())),
        (
            "broken JSON",
            Step::Send(0, answer("200 OK", "application/json", r#"{"signature":"#)),
        ),
        (
            "no signature",
            Step::Send(0, answer("200 OK", "application/json", "{}")),
        ),
        (
            "text",
            Step::Send(0, answer("200 OK", "text/plain", r#"{"signature":"00"}"#)),
        ),
        ("no HTTP", Step::Send(0, "SSH-2.0-OpenSSH\r\n\r\n".to_owned())),
    ] {
        let (outcome, server) = sign(&[step.clone(), step.clone(), step]).await;
        assert!(outcome.result.is_ok(), "{what}: {outcome:?}");
        assert_eq!(outcome.attempts, 4, "{what}");
        assert_eq!(outcome.took.as_secs(), 3, "{what}: {:?}", outcome.took);
        assert_eq!(
            server.dialled.load(Ordering::SeqCst),
            4,
            "{what}: a connection for each attempt"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_without_a_byte_is_given_up_and_asked_for_again_after_another() {
    let (outcome, _) = sign(&[Step::Hang, Step::Hang]).await;
    assert!(outcome.result.is_ok(), "{outcome:?}");
    assert_eq!((outcome.attempts, outcome.took.as_secs()), (3, 4));
}

#[tokio::test(start_paused = true)]
async fn an_answer_after_900_ms_is_taken_and_one_after_1100_ms_never() {
    for (after, expected) in [(900, Some(1)), (1_100, None)] {
        let message = random_vote(&verifying());
        let server = Server::new(&[Step::Send(after, signed(&message))]);
        let client = server.client();
        let outcome = timeout(Duration::from_mins(10), client.sign(&message, &verifying())).await;
        assert_eq!(outcome.ok().map(|outcome| outcome.attempts), expected, "{after} ms");
        if expected.is_none() {
            let report = client.report();
            assert_eq!((report.pending(), report.signed), (1, 0));
            assert!((299..=301).contains(&report.silent), "{report:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_byte_starts_the_clock_anew() {
    let message = random_vote(&verifying());
    let server = Server::new(&[Step::Drip(900, signed(&message))]);
    let outcome = server.client().sign(&message, &verifying()).await;
    assert!(outcome.result.is_ok(), "{outcome:?}");
    assert_eq!(outcome.attempts, 1);
}

#[tokio::test(start_paused = true)]
async fn any_other_status_loses_the_vote_at_once() {
    for code in [
        400, 401, 403, 404, 405, 406, 409, 413, 415, 422, 431, 500, 501, 502, 503, 504,
    ] {
        let (outcome, server) = sign(&[status(&format!("{code} No"))]).await;
        assert_eq!(outcome.result, Err(Loss::Status(code)));
        assert_eq!(outcome.attempts, 1, "{code}");
        assert_eq!(server.dialled.load(Ordering::SeqCst), 1, "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_invalid_signature_loses_the_vote_at_once() {
    let other = random_vote(&verifying());
    for text in [
        signed(&other),
        answer("200 OK", "application/json", r#"{"signature":"AB"}"#),
        answer("200 OK", "application/json", r#"{"signature":"no hex"}"#),
    ] {
        let (outcome, _) = sign(&[Step::Send(0, text)]).await;
        assert_eq!((outcome.result, outcome.attempts), (Err(Loss::Invalid), 1));
    }
}

#[tokio::test(start_paused = true)]
async fn the_request_is_written_as_the_node_writes_it() {
    let message = random_vote(&verifying());
    let server = Server::new(&[Step::Send(0, signed(&message))]);
    assert!(server.client().sign(&message, &verifying()).await.result.is_ok());
    let requests = server.requests.lock().unwrap().clone();
    assert_eq!(
        requests,
        [format!(
            "POST /votes HTTP/1.1\r\nHost: localhost:9090\r\nContent-Length: {}\r\n\
             Authorization: 0123456789abcdef0123456789abcdef\r\nAccept: application/json\r\n\
             User-Agent: ktor-client\r\nContent-Type: application/json\r\n\r\n{}",
            message.body.len(),
            message.body
        )]
    );
}

#[tokio::test(start_paused = true)]
async fn the_public_key_is_waited_for_unless_a_status_ends_the_node() {
    let hex = HEXLOWER.encode(verifying().as_bytes());
    let good = Step::Send(
        4_900,
        answer("200 OK", "application/json", &format!(r#"{{"publicKey":"{hex}"}}"#)),
    );
    let steps = [Step::Refuse, status("429 Too Many Requests"), Step::Hang, good];
    let server = Server::new(&steps);
    assert_eq!(server.client().public_key().await.unwrap(), verifying());
    let first = server.requests.lock().unwrap()[0].clone();
    assert!(
        first.starts_with("GET /public-keys HTTP/1.1\r\nHost: localhost:9090\r\n"),
        "{first}"
    );
    assert!(!first.contains("Content-Length"), "{first}");
    let failed = Server::new(&[status("503 Service Unavailable")])
        .client()
        .public_key()
        .await;
    assert!(failed.unwrap_err().to_string().contains("503"));
}

#[tokio::test(start_paused = true)]
async fn a_hundred_are_asked_for_at_once_and_the_rest_wait_without_a_clock() {
    let server = Server::new(&[Step::Send(
        900,
        answer("429 Too Many Requests", "application/json", "{}"),
    )]);
    let client = server.client();
    let votes: Vec<_> = (0..250).map(|_| random_vote(&verifying())).collect();
    let key = verifying();
    let all = futures::future::join_all(votes.iter().map(|vote| client.sign(vote, &key)));
    let mut all = pin!(all);
    assert!(timeout(Duration::from_millis(800), &mut all).await.is_err());
    assert_eq!(server.dialled.load(Ordering::SeqCst), 100);
    assert!(timeout(Duration::from_millis(59_200), &mut all).await.is_err());
    let report = client.report();
    assert_eq!(report.silent, 0, "queueing is no silence");
    // 100 connections, each in use for 0.9 s. Without this limit, each of 250 votes would be requested every 1.9 s:
    // 7,900 requests.
    assert!((6_000..=6_700).contains(&report.attempts), "{}", report.attempts);
}

#[tokio::test(start_paused = true)]
async fn a_load_counts_what_is_late_lost_and_pending() {
    let server = Server::new(&[status("500 No"), Step::Hang]);
    let load = Load {
        rate: 10,
        count: Some(5),
        duration: None,
        patience: Duration::from_secs(3),
    };
    let report = load.run(&server.client(), &verifying()).await.unwrap();
    assert_eq!(
        (report.wished, report.lost, report.pending(), report.signed),
        (5, 1, 4, 0)
    );
    assert_eq!(report.statuses.iter().collect::<Vec<_>>(), [(&500, &1)]);

    let late = random_vote(&verifying());
    let server = Server::new(&[Step::Refuse, Step::Refuse, Step::Send(1, signed(&late))]);
    let client = server.client();
    assert!(client.sign(&late, &verifying()).await.result.is_ok());
    let report = client.report();
    assert_eq!(
        (report.signed, report.late, report.refused, report.attempts),
        (1, 1, 2, 3)
    );
    assert_eq!(report.within(500), Some(2_001));
    assert_eq!(report.later_than(Duration::from_secs(2)), 1);
    assert_eq!(report.later_than(Duration::from_millis(2_001)), 0);

    let endless = Load { count: None, ..load };
    assert!(
        endless
            .run(&client, &verifying())
            .await
            .unwrap_err()
            .to_string()
            .contains("never end")
    );
}
