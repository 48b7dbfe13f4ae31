use data_encoding::HEXUPPER;
use jiff::Timestamp;
use serde::Serialize;

use super::{
    decision::Decision,
    votes::{Figures, milliseconds},
};
use crate::{
    protocol::{BlockKind, PublicKey, View},
    telemetry::{health::Identity, labels::Reason},
};

/// A complete line of JSON without its number, which the writer adds.
pub struct Line(Vec<u8>);

impl AsRef<[u8]> for Line {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// The beginning of every line.
#[derive(Serialize)]
struct Head<T> {
    time: String,
    event: &'static str,
    #[serde(flatten)]
    rest: T,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DecisionLine {
    kind: &'static str,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hash: Option<String>,
    #[serde(flatten)]
    facts: Facts,
    duration_ms: f64,
    attempts: u32,
    cached: bool,
}

/// The content of a message that matters to a person, in addition to its hash.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Facts {
    #[serde(skip_serializing_if = "Option::is_none")]
    block_hash: Option<String>,
    #[serde(rename = "final", skip_serializing_if = "Option::is_none")]
    is_final: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    block_type: Option<&'static str>,
    // As text, because JSON readers keep only 53 bits of a number.
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    receiver: Option<String>,
}

#[derive(Serialize)]
struct UnauthorizedLine {
    count: u64,
}

#[derive(Serialize)]
struct MissingLine {
    lines: u64,
}

impl Line {
    pub fn start(identity: &Identity) -> Self {
        Self::new("start", identity)
    }

    pub fn decision(decision: &Decision<'_>) -> Self {
        let Decision {
            kind,
            message,
            hash,
            outcome,
            reason,
            duration,
            effort,
        } = *decision;
        Self::new(
            "decision",
            DecisionLine {
                kind: kind.name(),
                outcome: outcome.label(),
                reason: reason.map(Reason::label),
                hash: hash.map(|hash| HEXUPPER.encode(hash)),
                facts: message.map(facts).unwrap_or_default(),
                duration_ms: milliseconds(duration),
                attempts: effort.attempts,
                cached: effort.is_cached,
            },
        )
    }

    pub fn unauthorized(count: u64) -> Self {
        Self::new("unauthorized", UnauthorizedLine { count })
    }

    pub fn votes(votes: &Figures) -> Self {
        Self::new("votes", votes)
    }

    pub fn missing(lines: u64) -> Self {
        Self::new("missing", MissingLine { lines })
    }

    fn new(event: &'static str, rest: impl Serialize) -> Self {
        let head = Head {
            time: format!("{:.3}", Timestamp::now()),
            event,
            rest,
        };
        // Strings, numbers and flags, which cannot fail to serialise.
        let mut line = serde_json::to_vec(&head).unwrap_or_default();
        line.push(b'\n');
        Self(line)
    }
}

fn facts(message: View<'_>) -> Facts {
    match message {
        View::Vote(vote) => Facts {
            block_hash: Some(HEXUPPER.encode(&vote.block_hash)),
            is_final: Some(vote.is_final()),
            ..Facts::default()
        },
        View::Block(block) => {
            let (amount, receiver) = match block.kind {
                BlockKind::Send { amount, receiver, .. } => (Some(amount), Some(receiver)),
                _ => (None, None),
            };
            Facts {
                block_type: Some(block.kind.name()),
                amount: amount.as_ref().map(u64::to_string),
                receiver: receiver.as_ref().map(PublicKey::to_string),
                ..Facts::default()
            }
        }
        View::Challenge(_) => Facts::default(),
    }
}
