//! The audit trail's lines about requests, through the whole router.

use std::fs;

use axum::body::Body;
use serde_json::{Value, json};
use signer::{
    backend::Backend,
    policy::{Policy, Rules},
    protocol::{Kind, Network},
    telemetry::{AuditConfig, AuditMode},
};

use super::{
    bad_input::block,
    support::{SEED, Signer, TOKEN, everything, local_key, post, vote},
};

/// The lines about these requests, without the values that differ between runs.
async fn trail(mode: AuditMode, name: &str, requests: &[(&str, String)]) -> Vec<Value> {
    let file = std::env::temp_dir().join(format!("atto-signer-wire-audit-{name}-{}.jsonl", std::process::id()));
    let audit = AuditConfig {
        mode,
        file: Some(file.clone()),
    };
    let key = local_key(SEED);
    let rules = Rules {
        networks: Some(vec![Network::Beta]),
        ..Rules::default()
    };
    let policy = Policy::new(everything(), key.public_key()).with_rules(rules);
    let signer = Signer::with_audit(key, policy, &audit);
    for (path, body) in requests {
        signer.post(path, body.clone()).await;
    }
    for path in ["/votes", "/blocks", "/challenges"] {
        let request = post(path).header("authorization", "wrong").body(Body::empty());
        assert_eq!(signer.send(request.unwrap()).await.status, 401);
    }
    signer.post("/challenges", "{}").await;
    signer.audit.close();
    let text = fs::read_to_string(&file).unwrap();
    fs::remove_file(&file).unwrap();
    assert!(!text.contains(TOKEN) && !text.contains("wrong\""), "{text}");
    let lines = text.lines().zip(1..).map(|(line, number)| {
        let mut line: Value = serde_json::from_str(line).unwrap();
        let fields = line.as_object_mut().unwrap();
        assert_eq!(fields.remove("seq"), Some(Value::from(number)));
        assert!(fields.remove("time").is_some());
        assert!(fields.remove("durationMs").is_some() || fields["event"] != "decision");
        fields.remove("slowestMs");
        line
    });
    lines.collect()
}

fn decision(kind: Kind, facts: &Value) -> Value {
    let mut line = json!({ "event": "decision", "kind": kind.name(), "attempts": 0, "cached": false });
    for (name, value) in facts.as_object().unwrap() {
        line[name] = value.clone();
    }
    line
}

#[tokio::test]
async fn every_end_of_a_request_leaves_a_line_that_says_why() {
    let requests = [
        ("/blocks", block("network", "\"BETA\"")),
        ("/blocks", block("", "")),
        ("/votes", vote(&json!({})).to_string()),
        ("/votes", "{".to_owned()),
    ];
    let mut lines = trail(AuditMode::All, "all", &requests).await;
    let hashes: Vec<Value> = lines[..3].iter_mut().map(|line| line["hash"].take()).collect();
    assert!(
        hashes
            .iter()
            .all(|hash| hash.as_str().is_some_and(|hash| hash.len() == 64)),
        "{hashes:?}"
    );
    assert_ne!(hashes[0], hashes[1]);
    let send = json!({
        "hash": null, "blockType": "SEND", "amount": "1", "receiver": "CD".repeat(32), "outcome": "signed", "attempts": 1,
    });
    let mut refused = send.clone();
    refused["outcome"] = "refused".into();
    refused["reason"] = "policy_networks".into();
    refused["attempts"] = 0.into();
    let signed = json!({
        "hash": null, "blockHash": "AB".repeat(32), "final": false, "outcome": "signed", "attempts": 1,
    });
    let expected = [
        decision(Kind::Block, &send),
        decision(Kind::Block, &refused),
        decision(Kind::Vote, &signed),
        decision(Kind::Vote, &json!({ "outcome": "refused", "reason": "invalid" })),
        json!({ "event": "unauthorized", "count": 1 }),
        decision(Kind::Challenge, &json!({ "outcome": "refused", "reason": "invalid" })),
        json!({ "event": "unauthorized", "count": 2 }),
    ];
    assert_eq!(lines, expected);
}

#[tokio::test]
async fn by_default_signed_votes_are_summed_up() {
    let requests = [("/votes", vote(&json!({ "timestamp": i64::MAX })).to_string())];
    let lines = trail(AuditMode::Decisions, "decisions", &requests).await;
    let votes = json!({ "event": "votes", "signed": 1, "final": 1, "cached": 0, "refused": 0, "failed": 0 });
    let expected = [
        json!({ "event": "unauthorized", "count": 1 }),
        decision(Kind::Challenge, &json!({ "outcome": "refused", "reason": "invalid" })),
        votes,
        json!({ "event": "unauthorized", "count": 2 }),
    ];
    assert_eq!(lines, expected);
}
