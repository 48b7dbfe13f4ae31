//! Two voters: one whose KMS has all kinds of faults, and one with its key in OpenBao whose node gets another token.

use std::time::Duration;

use anyhow::{Context, Result};
use data_encoding::HEXUPPER;
use ed25519_dalek::VerifyingKey;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{MissedTickBehavior, interval};

use super::Clock;
use super::prometheus::Target;
use crate::fake_kms::{Code, FakeKms, Fault, Method};
use crate::fake_server::For;
use crate::node_client::{Load, NodeClient, random_vote};
use crate::openbao::{MOUNT, OpenBao};
use crate::oracle;
use crate::signer_process::{SignerProcess, TOKEN, in_kms, post};

/// Number of signatures for a phase with faults, more than it needs.
const MANY: u64 = 4_000;

/// The behaviour of KMS from this second of the run on.
const SCRIPT: [(u64, Weather); 8] = [
    (0, Weather::Fair),
    (40, Weather::Slow),
    (60, Weather::Fair),
    (75, Weather::Away),
    (105, Weather::Fair),
    (120, Weather::Quota),
    (140, Weather::Fair),
    (170, Weather::Fair),
];

const CAPABILITIES: (&str, &str) = ("ATTO_SIGNER_CAPABILITIES", "VOTE,CHALLENGE");
const OTHER_TOKEN_FROM: Duration = Duration::from_secs(75);
const STRANGERS: std::ops::Range<u64> = 15..35;

#[derive(Clone, Copy)]
enum Weather {
    Fair,
    /// Around the node's limit of one second.
    Slow,
    Away,
    /// Every third call exceeds the quota.
    Quota,
}

struct Voter<S> {
    namespace: &'static str,
    pod: &'static str,
    service: S,
    signer: SignerProcess,
    key: VerifyingKey,
}

/// The last signer belongs to healthy voters, and is not scraped.
pub struct Signers {
    first: Voter<FakeKms>,
    second: Voter<OpenBao>,
    others: SignerProcess,
}

impl Signers {
    pub async fn start() -> Result<Self> {
        Ok(Self {
            first: Voter::in_kms().await?,
            second: Voter::in_openbao().await?,
            others: spawn_blocking(|| SignerProcess::start(&[])).await??,
        })
    }

    pub fn targets(&self) -> [Target; 2] {
        [self.first.target(), self.second.target()]
    }

    pub fn management_ports(&self) -> [u16; 3] {
        [&self.first.signer, &self.second.signer, &self.others].map(SignerProcess::management_port)
    }

    /// The whole script.
    pub async fn live(&self, clock: Clock) -> Result<()> {
        let Self { first, second, .. } = self;
        let end = Duration::from_secs(SCRIPT[SCRIPT.len() - 1].0);
        tokio::try_join!(
            first.votes(TOKEN, 20, end),
            first.weather(clock),
            first.others(clock, end),
            async {
                second.votes(TOKEN, 8, OTHER_TOKEN_FROM).await?;
                second
                    .votes(
                        "another-token-0123456789abcdef01",
                        4,
                        end.saturating_sub(OTHER_TOKEN_FROM),
                    )
                    .await
            },
        )?;
        Ok(())
    }
}

impl<S> Voter<S> {
    fn target(&self) -> Target {
        Target {
            port: self.signer.management_port(),
            job: "signer",
            path: "/prometheus",
            namespace: self.namespace.to_owned(),
            pod: self.pod.to_owned(),
        }
    }

    async fn votes(&self, token: &str, rate: u32, duration: Duration) -> Result<()> {
        let node = NodeClient::new(&format!("http://127.0.0.1:{}", self.signer.port()), token)?;
        let load = Load {
            rate,
            count: None,
            duration: Some(duration),
            patience: Duration::from_secs(5),
        };
        load.run(&node, &self.key).await.map(drop)
    }
}

impl Voter<OpenBao> {
    async fn in_openbao() -> Result<Self> {
        let bao = OpenBao::start().await?;
        let key = bao.create_key("voter")?;
        bao.allow_voter("voter")?;
        let (address, token) = (bao.url(), bao.token_file("token", "voter", &["-ttl=1h"])?);
        let signer = spawn_blocking(move || {
            SignerProcess::start(&[
                ("ATTO_SIGNER_BACKEND", "VAULT"),
                ("ATTO_SIGNER_KEY", &format!("{MOUNT}/keys/voter/versions/1")),
                ("ATTO_SIGNER_VAULT_ADDRESS", &address),
                ("ATTO_SIGNER_VAULT_AUTH", "token"),
                ("ATTO_SIGNER_VAULT_TOKEN_FILE", &token.display().to_string()),
                CAPABILITIES,
            ])
        });
        Ok(Self {
            namespace: "atto-beta",
            pod: "beta-voter-58b7d4f6c-9lkwm",
            key,
            signer: signer.await??,
            service: bao,
        })
    }
}

impl Voter<FakeKms> {
    async fn in_kms() -> Result<Self> {
        let kms = FakeKms::start([51; 32])?;
        let endpoint = kms.endpoint();
        let signer = spawn_blocking(move || {
            let [backend, key, endpoint] = in_kms(&endpoint);
            SignerProcess::start(&[backend, key, endpoint, CAPABILITIES])
        });
        Ok(Self {
            namespace: "atto",
            pod: "atto-voter-6d5f7c9b8-x2vqp",
            key: kms.verifying_key(),
            signer: signer.await??,
            service: kms,
        })
    }

    async fn weather(&self, clock: Clock) -> Result<()> {
        let faults = self.service.faults(Method::AsymmetricSign);
        for (second, weather) in SCRIPT {
            clock.reaches(Duration::from_secs(second)).await;
            faults.clear();
            match weather {
                Weather::Away => faults.push(Fault::Code(Code::Unavailable), For::Ever),
                Weather::Fair => (0..MANY).for_each(|call| faults.next(delay(20 + call * 37 % 60))),
                Weather::Slow => (0..MANY).for_each(|call| faults.next(delay(450 + call * 211 % 650))),
                Weather::Quota => (0..MANY).for_each(|call| {
                    faults.next(match call % 3 {
                        0 => Fault::Code(Code::ResourceExhausted),
                        _ => delay(60),
                    });
                }),
            }
        }
        Ok(())
    }

    /// A node's requests besides votes, and requests of other clients.
    async fn others(&self, clock: Clock, end: Duration) -> Result<()> {
        let port = self.signer.port();
        let block = oracle::read(oracle::SAMPLE)?
            .requests
            .into_iter()
            .find(|request| request.path == "/blocks");
        let block = block.context("no block in the sample")?.body;
        let mut ticks = interval(Duration::from_millis(500));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut asked = JoinSet::new();
        let mut number = 0_u64;
        while clock.is_before(end) {
            ticks.tick().await;
            number += 1;
            let mut ask = |path: &'static str, token: &'static str, body: String| {
                asked.spawn_blocking(move || post(port, path, token, &body));
            };
            ask("/challenges", TOKEN, challenge(number));
            let vote = random_vote(&self.key);
            // Concurrently, and once more when the signature is cached.
            ask(vote.path, TOKEN, vote.body.clone());
            ask(vote.path, TOKEN, vote.body.clone());
            if number.is_multiple_of(2) {
                ask(vote.path, TOKEN, vote.body);
            }
            if STRANGERS.contains(&(number / 2)) {
                ask("/votes", "a-token-of-somebody-else-0123456", String::new());
                ask("/blocks", TOKEN, block.clone());
                if number.is_multiple_of(4) {
                    ask("/votes", TOKEN, "{}".to_owned());
                }
            }
            // The signer counts the answers.
            while asked.try_join_next().is_some() {}
        }
        Ok(())
    }
}

fn delay(milliseconds: u64) -> Fault {
    Fault::Delay(Duration::from_millis(milliseconds))
}

fn challenge(number: u64) -> String {
    let text = HEXUPPER.encode(&[&number.to_le_bytes()[..], &[7; 72]].concat());
    format!(r#"{{"target":"{text}","timestamp":{number}}}"#)
}
