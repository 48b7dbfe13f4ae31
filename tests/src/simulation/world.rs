//! One schedule from its beginning to its end, with all observations.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use ed25519_dalek::{SigningKey, VerifyingKey};
use signer::protocol::PublicKey;
use signer::token::{Digests, Token};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::health::{Sample, Sampler};
use super::instance::Remains;
use super::kms::{Called, Kms};
use super::life::{Figures, Life};
use super::node::{Asked, Log, Node};
use super::plan::{Event, Plan, TOKENS};
use super::random::Random;
use crate::simulated::Door;

/// Time after the last spell and the last start within which everything must be signed.
const SETTLED: Duration = Duration::from_secs(5);
/// After that, no requests are sent, and hanging attempts are cancelled.
const QUIET: Duration = Duration::from_secs(16);

/// All observations.
pub struct Seen {
    pub plan: Plan,
    pub start: Instant,
    pub end: Instant,
    pub key: VerifyingKey,
    pub asked: Vec<Asked>,
    pub calls: Vec<Called>,
    pub samples: Vec<Sample>,
    pub remains: Vec<Remains>,
    pub figures: Figures,
    /// The accepted tokens, and since when.
    pub tokens: Vec<(Instant, Vec<&'static str>)>,
    /// When connections were refused.
    pub closed: Vec<(Instant, Instant)>,
    /// Messages that a node still requests long after the last spell.
    pub unsigned: usize,
    pub hung_up: usize,
}

/// Runs one schedule.
pub async fn happen(seed: u64, folder: &Path) -> Result<Seen> {
    let mut random = Random::new(seed);
    let key = SigningKey::from_bytes(&random.bytes());
    let weather = random.fork();
    let plan = Plan::draw(&mut random, PublicKey(key.verifying_key().to_bytes()));
    let verifying_key = key.verifying_key();
    let kms = Kms::new(key, weather, plan.spells.clone());
    let start = Instant::now();
    let (door, log, token) = (Door::default(), Log::default(), Token::any_of(TOKENS));
    let looking = Sampler::start();
    let life = Life {
        kms: kms.clone(),
        token: token.clone(),
        door: door.clone(),
        sampler: looking.clone(),
        file: folder.join(seed.to_string()),
    };
    let living = tokio::spawn(life.clone().live(plan.restarts.clone(), start));

    let nodes = TOKENS.map(|token| Node::new(&door, token, &log));
    let mut tokens = vec![(start, TOKENS.to_vec())];
    let (mut wishes, mut hung_up) = (JoinSet::new(), 0);
    for (at, event) in plan.events.clone() {
        sleep_until(start + at).await;
        match event {
            Event::Wish { node, message } => {
                let node = nodes[node].clone();
                wishes.spawn(async move { node.insist(&message).await });
            }
            Event::HangUp { node, message, after } => {
                let node = nodes[node].clone();
                hung_up += 1;
                tokio::spawn(async move { node.hang_up(&message, after).await });
            }
            Event::Tokens(accepted) => {
                token.set(&Digests::of(accepted.iter().copied()));
                tokens.push((Instant::now(), accepted));
            }
        }
    }
    // A process whose start was delayed by the weather is restarted after that.
    let mut lived = living.await??;
    let settled = Instant::now().max(start + plan.calm) + SETTLED;
    while let Ok(Some(_)) = timeout_at(settled, wishes.join_next()).await {}
    let unsigned = wishes.len();
    wishes.abort_all();
    sleep_until(settled + QUIET).await;
    let figures = lived.last.figures(&kms)?;
    let samples = looking.end();
    lived.remains.push(lived.last.end(&door).await?);
    Ok(Seen {
        plan,
        start,
        end: Instant::now(),
        key: verifying_key,
        asked: log.all(),
        calls: kms.calls(),
        samples,
        remains: lived.remains,
        figures,
        tokens,
        closed: lived.closed,
        unsigned,
        hung_up,
    })
}
