//! Nodes and their requests: repeated every second with the same message, until it is signed or finally refused. Some nodes
//! disconnect.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use data_encoding::{HEXUPPER, HEXUPPER_PERMISSIVE};
use serde::Deserialize;
use signer::protocol::{Challenge, Message as _, PublicKey, Vote};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout};

use super::random::Random;
use crate::node_client::{CONNECTIONS, Failure, Message, NodeClient, Reply, exchange};
use crate::simulated::Door;

const SILENCE: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_secs(1);

/// A request, and its answer.
#[derive(Clone, Debug)]
pub struct Asked {
    pub at: Instant,
    pub until: Instant,
    pub hash: Vec<u8>,
    pub token: &'static str,
    pub heard: Heard,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    Signature([u8; 64]),
    /// A 200 with other content.
    Nonsense,
    Status(u16),
    Nothing(Failure),
}

/// The requests of all nodes. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Log(Arc<Mutex<Vec<Asked>>>);

impl Log {
    pub fn all(&self) -> Vec<Asked> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn push(&self, asked: Asked) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(asked);
    }
}

/// A node, with a token and a hundred connections.
#[derive(Clone)]
pub struct Node {
    token: &'static str,
    door: Door,
    client: NodeClient,
    places: Arc<Semaphore>,
    log: Log,
}

impl Node {
    pub fn new(door: &Door, token: &'static str, log: &Log) -> Self {
        Self {
            token,
            door: door.clone(),
            client: NodeClient::over(door.clone(), "localhost:9090", token),
            places: Arc::new(Semaphore::new(CONNECTIONS)),
            log: log.clone(),
        }
    }

    /// Requests until the message is signed or lost.
    pub async fn insist(&self, message: &Message) {
        let request = self.client.request(message);
        loop {
            match self.ask(&request, message).await {
                Heard::Signature(_) => return,
                Heard::Status(status) if status != 429 && status != 408 => return,
                Heard::Nonsense | Heard::Status(_) | Heard::Nothing(_) => sleep(PAUSE).await,
            }
        }
    }

    /// Sends a request, and disconnects after this time, usually during the request.
    pub async fn hang_up(&self, message: &Message, after: Duration) {
        let _ = timeout(after, self.insist(message)).await;
    }

    async fn ask(&self, request: &[u8], message: &Message) -> Heard {
        // Never closed, so a permit is eventually available.
        let _place = self.places.acquire().await;
        let at = Instant::now();
        let heard = match exchange(&self.door, request, SILENCE).await {
            Ok(reply) => read(&reply),
            Err(failure) => Heard::Nothing(failure),
        };
        self.log.push(Asked {
            at,
            until: Instant::now(),
            hash: message.hash.clone(),
            token: self.token,
            heard: heard.clone(),
        });
        heard
    }
}

fn read(reply: &Reply) -> Heard {
    #[derive(Deserialize)]
    struct Answer {
        signature: String,
    }
    if reply.status != 200 {
        return Heard::Status(reply.status);
    }
    let answer = serde_json::from_slice::<Answer>(&reply.body).ok();
    let bytes = answer.and_then(|answer| HEXUPPER_PERMISSIVE.decode(answer.signature.as_bytes()).ok());
    let signature = bytes.and_then(|bytes| bytes.try_into().ok());
    signature.map_or(Heard::Nonsense, Heard::Signature)
}

/// A vote or a challenge that was not requested before.
pub fn draw_message(random: &mut Random, public_key: PublicKey) -> Option<Message> {
    if random.one_in(8) {
        let (bytes, timestamp) = (random.bytes::<96>(), 1_700_000_000_000);
        let body = format!(r#"{{"target":"{}","timestamp":{timestamp}}}"#, HEXUPPER.encode(&bytes));
        let challenge = Challenge::new(public_key, bytes.to_vec(), timestamp).ok()?;
        return Some(Message {
            path: "/challenges",
            body,
            hash: challenge.hash().as_ref().to_vec(),
        });
    }
    let vote = Vote {
        version: 0,
        public_key,
        block_hash: random.bytes(),
        timestamp: random.pick(&[i64::MAX, 1_700_000_000_000]),
    };
    let body = format!(
        r#"{{"target":{{"version":0,"algorithm":"V1","publicKey":"{public_key}","blockAlgorithm":"V1","blockHash":"{}","timestamp":{}}}}}"#,
        HEXUPPER.encode(&vote.block_hash),
        vote.timestamp,
    );
    Some(Message {
        path: "/votes",
        body,
        hash: vote.hash().as_ref().to_vec(),
    })
}
