//! Converts a request's JSON to the signer's own types, with another parser than the signer's.

use anyhow::{Context, Result, bail};
use data_encoding::HEXUPPER_PERMISSIVE;
use serde_json::Value;
use signer::protocol::{Block, BlockKind, Challenge, Link, Message, Network, PublicKey, Vote};

use super::Request;

/// The hash of a request according to the signer's protocol.
pub fn hash(request: &Request, signer: PublicKey) -> Result<Vec<u8>> {
    let body: Value = serde_json::from_str(&request.body)?;
    let target = Fields(&body["target"]);
    Ok(match request.path.as_str() {
        "/blocks" => block(&target)?.hash().as_ref().to_vec(),
        "/votes" => vote(&target)?.hash().as_ref().to_vec(),
        "/challenges" => {
            let bytes = HEXUPPER_PERMISSIVE.decode(body["target"].as_str().context("a challenge")?.as_bytes())?;
            let challenge = Challenge::new(signer, bytes, Fields(&body).integer("timestamp")?)?;
            challenge.hash().as_ref().to_vec()
        }
        path => bail!("there is no {path}"),
    })
}

fn vote(target: &Fields) -> Result<Vote> {
    Ok(Vote {
        version: target.integer("version")?,
        public_key: target.key("publicKey")?,
        block_hash: target.bytes32("blockHash")?,
        timestamp: target.integer("timestamp")?,
    })
}

fn block(target: &Fields) -> Result<Block> {
    let link = || {
        anyhow::Ok(Link {
            height: target.integer("height")?,
            previous: target.bytes32("previous")?,
        })
    };
    let kind = match target.text("type")? {
        "OPEN" => BlockKind::Open {
            send_hash: target.bytes32("sendHash")?,
            representative: target.key("representativePublicKey")?,
        },
        "RECEIVE" => BlockKind::Receive {
            link: link()?,
            send_hash: target.bytes32("sendHash")?,
        },
        "SEND" => BlockKind::Send {
            link: link()?,
            receiver: target.key("receiverPublicKey")?,
            amount: target.integer("amount")?,
        },
        "CHANGE" => BlockKind::Change {
            link: link()?,
            representative: target.key("representativePublicKey")?,
        },
        other => bail!("there is no block {other}"),
    };
    let network = match target.text("network")? {
        "LIVE" => Network::Live,
        "BETA" => Network::Beta,
        "DEV" => Network::Dev,
        "LOCAL" => Network::Local,
        other => bail!("there is no network {other}"),
    };
    Ok(Block {
        network,
        version: target.integer("version")?,
        public_key: target.key("publicKey")?,
        balance: target.integer("balance")?,
        timestamp: target.integer("timestamp")?,
        kind,
    })
}

struct Fields<'a>(&'a Value);

impl Fields<'_> {
    fn text(&self, name: &str) -> Result<&str> {
        self.0[name].as_str().with_context(|| format!("{name} is no text"))
    }

    /// Bare or quoted.
    fn integer<T: std::str::FromStr<Err: std::error::Error + Send + Sync + 'static>>(&self, name: &str) -> Result<T> {
        let text = match &self.0[name] {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        text.parse().with_context(|| format!("{name}: {text}"))
    }

    fn bytes32(&self, name: &str) -> Result<[u8; 32]> {
        let bytes = HEXUPPER_PERMISSIVE.decode(self.text(name)?.as_bytes())?;
        bytes
            .try_into()
            .ok()
            .with_context(|| format!("{name} has not 32 bytes"))
    }

    fn key(&self, name: &str) -> Result<PublicKey> {
        self.bytes32(name).map(PublicKey)
    }
}
