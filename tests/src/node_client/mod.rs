//! A model of how Atto's node calls a remote signer, as measured (commons 7.0.2): its requests, its time limits, what it repeats,
//! and what it loses permanently.
//!
//! | the signer | the node |
//! |---|---|
//! | 200 with a signature | verifies it; an invalid one is lost |
//! | 408, 429 | again after 1 s, `Retry-After` ignored |
//! | 302, 204, a 200 that is no JSON of a signature | again after 1 s |
//! | refuses, resets, closes without an answer | again after 1 s |
//! | 1 s without a byte | gives the connection up, again after 1 s |
//! | any other status | lost |
//!
//! Every request has its own TCP connection, which the node closes. At most 100 are open. The rest wait in a queue, in which
//! their time limits do not run.

mod counts;
mod dial;
mod exchange;
mod load;
mod paced;
mod reply;
mod verdict;
mod votes;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use data_encoding::HEXUPPER_PERMISSIVE;
use ed25519_dalek::VerifyingKey;
use serde::Deserialize;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};

pub use counts::{Counts, Report};
pub use dial::{Dial, Stream, Tcp};
pub use exchange::{Failure, exchange};
pub use load::Load;
pub use paced::paced;
pub use reply::Reply;
pub use verdict::{Loss, Verdict};
pub use votes::{Message, random_vote};

/// Maximum number of open connections of the node.
pub const CONNECTIONS: usize = 100;

/// Time limit of the node without a byte, for a signature and for the public key.
const SILENCE: Duration = Duration::from_secs(1);
const PUBLIC_KEY_SILENCE: Duration = Duration::from_secs(5);

/// Its pause between two attempts.
const PAUSE: Duration = Duration::from_secs(1);

/// The result for one signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The verified signature, or why there is none.
    pub result: Result<[u8; 64], Loss>,
    /// Number of attempts.
    pub attempts: u32,
    /// Time from the request to the result, including queueing.
    pub took: Duration,
}

/// A node's client of one signer. Clones share connections and counts.
#[derive(Clone)]
pub struct NodeClient {
    dial: Arc<dyn Dial>,
    host: Arc<str>,
    token: Arc<str>,
    connections: Arc<Semaphore>,
    counts: Counts,
}

impl NodeClient {
    /// A client of the signer at this URL, `http://HOST:PORT`.
    ///
    /// # Errors
    /// If the URL has another format.
    pub fn new(url: &str, token: &str) -> Result<Self> {
        let host = url.strip_prefix("http://").map(|host| host.trim_end_matches('/'));
        let host = host.filter(|host| !host.contains('/') && host.contains(':'));
        let host = host.with_context(|| format!("the signer's URL: found {url}, expected http://HOST:PORT"))?;
        Ok(Self::over(Tcp::to(host), host, token))
    }

    /// A client over connections of any kind.
    pub fn over(dial: impl Dial + 'static, host: &str, token: &str) -> Self {
        Self {
            dial: Arc::new(dial),
            host: host.into(),
            token: token.into(),
            connections: Arc::new(Semaphore::new(CONNECTIONS)),
            counts: Counts::default(),
        }
    }

    /// The counts so far.
    pub fn report(&self) -> Report {
        self.counts.report()
    }

    /// Requests the signer's public key as the node does at its start: waits while the signer is unavailable or answers 408 or
    /// 429.
    ///
    /// # Errors
    /// Any other status ends the node.
    pub async fn public_key(&self) -> Result<VerifyingKey> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Answer {
            public_key: String,
        }
        let request = self.head("GET", "/public-keys", "");
        loop {
            let reply = self.attempt(&request, PUBLIC_KEY_SILENCE).await;
            match verdict::of::<Answer>(reply) {
                Verdict::Answered(answer) => {
                    let bytes = HEXUPPER_PERMISSIVE.decode(answer.public_key.as_bytes())?;
                    let bytes = bytes.try_into().ok().context("a public key has 32 bytes")?;
                    return Ok(VerifyingKey::from_bytes(&bytes)?);
                }
                Verdict::Again(_) => sleep(PAUSE).await,
                Verdict::Lost(status) => {
                    bail!("the signer answered {status} to GET /public-keys: the node does not start")
                }
            }
        }
    }

    /// Requests the signature of a message as often as necessary. Ends with a verified signature or a loss. Use a timeout if
    /// neither may occur.
    pub async fn sign(&self, message: &Message, key: &VerifyingKey) -> Outcome {
        #[derive(Deserialize)]
        struct Answer {
            signature: String,
        }
        let wished = self.counts.wished();
        let request = self.request(message);
        let started = Instant::now();
        let mut attempts = 0;
        let result = loop {
            attempts += 1;
            let reply = self.attempt(&request, SILENCE).await;
            match verdict::of::<Answer>(reply) {
                Verdict::Answered(answer) => break verdict::verify(&answer.signature, &message.hash, key),
                Verdict::Again(_) => sleep(PAUSE).await,
                Verdict::Lost(status) => break Err(Loss::Status(status)),
            }
        };
        let outcome = Outcome {
            result,
            attempts,
            took: started.elapsed(),
        };
        wished.ended(&outcome);
        outcome
    }

    /// The bytes of the signature request.
    pub fn request(&self, message: &Message) -> Vec<u8> {
        self.head("POST", message.path, &message.body)
    }

    /// One connection, once there is room for it.
    async fn attempt(&self, request: &[u8], silence: Duration) -> Result<Reply, Failure> {
        // Never closed, so a permit is eventually available.
        let _place = self.connections.acquire().await;
        let started = Instant::now();
        let result = exchange(&*self.dial, request, silence).await;
        self.counts.attempted(&result, started.elapsed());
        result
    }

    fn head(&self, method: &str, path: &str, body: &str) -> Vec<u8> {
        let length = match method {
            "GET" => String::new(),
            _ => format!("Content-Length: {}\r\n", body.len()),
        };
        let Self { host, token, .. } = self;
        format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\n{length}Authorization: {token}\r\nAccept: application/json\r\n\
             User-Agent: ktor-client\r\nContent-Type: application/json\r\n\r\n{body}"
        )
        .into_bytes()
    }
}
