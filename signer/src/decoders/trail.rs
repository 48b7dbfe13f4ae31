//! Checks a message's entry in the audit trail.

use std::time::Duration;

use serde_json::Value;

use super::OWN;
use crate::{
    backend::Effort,
    http::requests,
    protocol::{Message, View},
    telemetry::{Decision, Outcome, Reason, written},
};

/// `B`, `V` or `C` and the body of a block, a vote or a challenge. Each line about it is one line of JSON with the message's
/// content.
pub fn audit(bytes: &[u8]) -> bool {
    match bytes.split_first() {
        Some((b'B', body)) => requests::block(body).is_ok_and(|block| note(&block)),
        Some((b'V', body)) => requests::vote(body).is_ok_and(|vote| note(&vote)),
        Some((b'C', body)) => requests::challenge(body, OWN).is_ok_and(|challenge| note(&challenge)),
        _ => false,
    }
}

fn note<T: Message>(message: &T) -> bool {
    let hash = message.hash();
    let ends = [
        (Outcome::Signed, None),
        (Outcome::Refused, Some(Reason::PolicyNetworks)),
        (Outcome::Failed, Some(Reason::Deadline)),
    ];
    let decisions = ends.map(|(outcome, reason)| Decision {
        kind: T::KIND,
        message: Some(message.view()),
        hash: Some(hash.as_ref()),
        outcome,
        reason,
        duration: Duration::from_micros(u64::from(hash.as_ref()[0])),
        effort: Effort::default(),
    });
    let batch = written(&decisions);
    let text = std::str::from_utf8(&batch).expect("a trail is text");
    assert!(
        text.ends_with('\n') && text.lines().count() == decisions.len(),
        "{text}"
    );
    for (line, number) in text.lines().zip(1..) {
        assert!(!line.contains(char::is_control), "{line:?}");
        let line: Value = serde_json::from_str(line).expect("a line is JSON");
        assert_eq!(line["seq"], number);
        assert_eq!(line["hash"], data_encoding::HEXUPPER.encode(hash.as_ref()));
        assert_facts(&line, message.view());
    }
    true
}

fn assert_facts(line: &Value, message: View<'_>) {
    match message {
        View::Vote(vote) => {
            assert_eq!(line["blockHash"], data_encoding::HEXUPPER.encode(&vote.block_hash));
            assert_eq!(line["final"], vote.is_final());
        }
        View::Block(block) => assert_eq!(line["blockType"], block.kind.name()),
        View::Challenge(_) => assert_eq!(line["blockType"], Value::Null),
    }
}
