//! The message about an invalid body names the field, and nothing is signed.

use crate::support::{self, PUBLIC_KEY, SEED, Signer, everything, local_key, signer, vote};
use serde_json::{Value, json};
use signer::{
    backend::Backend,
    policy::{Capabilities, Policy, Rules},
    protocol::{Kind, Network},
};

async fn complaint(path: &str, body: impl Into<axum::body::Body>) -> String {
    signer().post(path, body).await.complaint()
}

/// A SEND block of the signer's key, with this text as one field's value.
pub fn block(field: &str, value: &str) -> String {
    let fields = [
        ("type", "\"SEND\"".to_owned()),
        ("network", "\"LIVE\"".to_owned()),
        ("version", "0".to_owned()),
        ("algorithm", "\"V1\"".to_owned()),
        ("publicKey", format!("\"{PUBLIC_KEY}\"")),
        ("height", "2".to_owned()),
        ("balance", "1".to_owned()),
        ("timestamp", "1".to_owned()),
        ("previous", format!("\"{}\"", "AB".repeat(32))),
        ("receiverAlgorithm", "\"V1\"".to_owned()),
        ("receiverPublicKey", format!("\"{}\"", "CD".repeat(32))),
        ("amount", "1".to_owned()),
    ];
    assert!(
        fields.iter().any(|(name, _)| *name == field) || field.is_empty(),
        "{field}"
    );
    let fields = fields.map(|(name, own)| format!("\"{name}\":{}", if name == field { value } else { &own }));
    format!("{{\"target\":{{{}}}}}", fields.join(","))
}

#[tokio::test]
async fn numbers() {
    signer().post("/blocks", block("", "")).await.signature();
    signer()
        .post("/blocks", block("amount", "18000000000000000000"))
        .await
        .signature();
    let wrong = [
        "18000000000000000001",
        "18446744073709551615",
        "99999999999999999999999999",
        "-1",
        "-0",
        "1.0",
        "1.5",
        "1e3",
        "1E3",
        "null",
        "true",
        "{}",
        "[]",
        "\"\"",
        "\"-1\"",
        "\"1.0\"",
        "\"1e3\"",
        "\" 1\"",
        "\"+1\"",
        "\"0x1\"",
        "\"18000000000000000001\"",
    ];
    for field in ["amount", "balance"] {
        for value in wrong {
            let message = complaint("/blocks", block(field, value)).await;
            let start = format!("target.{field}: found ");
            assert!(message.starts_with(&start), "{value}: {message}");
            assert!(
                message.ends_with(", expected a whole number from 0 to 18000000000000000000"),
                "{value}: {message}"
            );
        }
    }
    for (field, value, text) in [
        (
            "amount",
            "-1",
            "target.amount: found -1, expected a whole number from 0 to 18000000000000000000",
        ),
        (
            "version",
            "65536",
            "target.version: found 65536, expected a whole number from 0 to 65535",
        ),
        (
            "version",
            "-1",
            "target.version: found -1, expected a whole number from 0 to 65535",
        ),
        (
            "height",
            "18446744073709551616",
            "target.height: found 18446744073709551616, expected a whole number from 0 to 18446744073709551615",
        ),
        (
            "timestamp",
            "9223372036854775808",
            "target.timestamp: found 9223372036854775808, expected epoch milliseconds, a whole number from -9223372036854775808 to 9223372036854775807",
        ),
    ] {
        assert_eq!(complaint("/blocks", block(field, value)).await, text);
    }
    let message = complaint("/blocks", block("height", "1.5")).await;
    assert!(message.starts_with("target.height: found 1.5, "), "{message}");
}

#[tokio::test]
async fn names() {
    for (field, value, text) in [
        (
            "type",
            "\"BURN\"",
            "target.type: found \"BURN\", expected OPEN or RECEIVE or SEND or CHANGE",
        ),
        (
            "type",
            "\"send\"",
            "target.type: found \"send\", expected OPEN or RECEIVE or SEND or CHANGE",
        ),
        (
            "network",
            "\"MAIN\"",
            "target.network: found \"MAIN\", expected LIVE or BETA or DEV or LOCAL",
        ),
        (
            "network",
            "0",
            "target.network: found 0, expected LIVE or BETA or DEV or LOCAL",
        ),
        ("algorithm", "\"V2\"", "target.algorithm: found \"V2\", expected V1"),
        (
            "receiverAlgorithm",
            "null",
            "target.receiverAlgorithm: found null, expected V1",
        ),
    ] {
        assert_eq!(complaint("/blocks", block(field, value)).await, text);
    }
}

#[tokio::test]
async fn hexadecimal() {
    for (value, found) in [
        ("AB".repeat(31), "(62 characters)"),
        (format!("{}A", "AB".repeat(31)), "(63 characters)"),
        ("AB".repeat(33), "(66 characters)"),
        (format!("{}G", "A".repeat(63)), "(64 characters)"),
        (String::new(), "(0 characters)"),
        ("é".repeat(32), "(32 characters)"),
    ] {
        for (path, field, body) in [
            ("/votes", "blockHash", vote(&json!({ "blockHash": value })).to_string()),
            ("/votes", "publicKey", vote(&json!({ "publicKey": value })).to_string()),
            ("/blocks", "previous", block("previous", &json!(value).to_string())),
        ] {
            let message = complaint(path, body).await;
            assert!(message.starts_with(&format!("target.{field}: found \"")), "{message}");
            assert!(
                message.ends_with(&format!("{found}, expected 64 hexadecimal digits")),
                "{message}"
            );
        }
    }
}

#[tokio::test]
async fn challenges() {
    let expected = "expected an even number of hexadecimal digits, at least 128";
    for (target, timestamp, start) in [
        (json!("AB".repeat(63)), json!(1), "target: found \""),
        (json!(format!("{}A", "AB".repeat(64))), json!(1), "target: found \""),
        (json!("XY".repeat(64)), json!(1), "target: found \""),
        (json!({ "bytes": "AB" }), json!(1), "target: found an object, "),
        (json!(null), json!(1), "target: found null, "),
    ] {
        let message = complaint(
            "/challenges",
            json!({ "target": target, "timestamp": timestamp }).to_string(),
        )
        .await;
        assert!(message.starts_with(start) && message.ends_with(expected), "{message}");
    }
    let body = json!({ "target": "AB".repeat(64) }).to_string();
    assert!(
        complaint("/challenges", body)
            .await
            .starts_with("timestamp: found nothing, expected epoch milliseconds")
    );
    let body = json!({ "target": "AB".repeat(64), "timestamp": 1.5 }).to_string();
    assert!(
        complaint("/challenges", body)
            .await
            .starts_with("timestamp: found 1.5, ")
    );
    assert!(
        complaint("/challenges", "{}")
            .await
            .starts_with("target: found nothing, ")
    );
    signer()
        .post(
            "/challenges",
            json!({ "target": "ab".repeat(64), "timestamp": "-1" }).to_string(),
        )
        .await
        .signature();
}

#[tokio::test]
async fn what_is_missing_is_named() {
    let whole: Value = serde_json::from_str(&block("", "")).unwrap();
    for name in whole["target"].as_object().unwrap().keys() {
        let mut partial = whole.clone();
        partial["target"].as_object_mut().unwrap().remove(name);
        let message = complaint("/blocks", partial.to_string()).await;
        assert!(
            message.starts_with(&format!("target.{name}: found nothing, expected ")),
            "{message}"
        );
    }
    for path in ["/blocks", "/votes"] {
        assert_eq!(complaint(path, "{}").await, "target: found nothing, expected an object");
        assert_eq!(
            complaint(path, "{\"target\":[]}").await,
            "target: found an array, expected an object"
        );
        assert_eq!(
            complaint(path, "{\"target\":\"x\"}").await,
            "target: found \"x\", expected an object"
        );
    }
}

#[tokio::test]
async fn duplicates() {
    let body = block("amount", "1,\"amount\":2");
    assert_eq!(
        complaint("/blocks", body).await,
        "target.amount: found it twice, expected it once"
    );
    let body = block("amount", "1,\"\\u0061mount\":1");
    assert_eq!(
        complaint("/blocks", body).await,
        "target.amount: found it twice, expected it once"
    );
    let target = vote(&json!({}))["target"].clone();
    let body = format!("{{\"target\":{target},\"target\":{target}}}");
    assert_eq!(
        complaint("/votes", body).await,
        "target: found it twice, expected it once"
    );
}

#[tokio::test]
async fn bodies_that_are_no_json_object() {
    let deep = |depth: usize| {
        format!(
            "{{\"x\":{}{},{}",
            "[".repeat(depth),
            "]".repeat(depth),
            &vote(&json!({})).to_string()[1..]
        )
    };
    signer().post("/votes", deep(16)).await.signature();
    let expected = [
        (Vec::new(), "body: found nothing, "),
        (b"  \n".to_vec(), "body: found nothing, "),
        (b"\"text\"".to_vec(), "body: found \"text\", "),
        (b"[1]".to_vec(), "body: found an array, "),
        (b"null".to_vec(), "body: found null, "),
        (b"{".to_vec(), "body: found malformed JSON "),
        (b"{} x".to_vec(), "body: found malformed JSON "),
        (b"{\"target\":{\"version\":01}}".to_vec(), "body: found malformed JSON "),
        (b"{\"target\":{\"version\":0,}}".to_vec(), "body: found malformed JSON "),
        (b"{'target':{}}".to_vec(), "body: found malformed JSON "),
        (
            b"{\"target\":\"\xFF\"}".to_vec(),
            "body: found invalid UTF-8 at byte 11, ",
        ),
        (deep(100).into_bytes(), "body: found deep nesting, "),
        (deep(10_000).into_bytes(), "body: found deep nesting, "),
        ("[".repeat(60_000).into_bytes(), "body: found an array, "),
        (
            format!("{{\"target\":{}", "{\"a\":".repeat(10_000)).into_bytes(),
            "body: found malformed JSON ",
        ),
    ];
    for path in ["/blocks", "/votes", "/challenges"] {
        for (body, start) in &expected {
            let message = complaint(path, body.clone()).await;
            assert!(message.starts_with(start), "{start}: {message}");
        }
    }
}

#[tokio::test]
async fn only_a_short_and_escaped_excerpt_comes_back() {
    let message = complaint(
        "/votes",
        vote(&json!({ "algorithm": "\u{1b}[31m<script>é".repeat(500) })).to_string(),
    )
    .await;
    assert!(
        message.len() < 200 && message.is_ascii() && !message.contains('\u{1b}'),
        "{message}"
    );
    let long = format!("\"{}\"", "x".repeat(60_000));
    let message = complaint("/votes", long).await;
    assert!(message.len() < 200, "{message}");
}

#[tokio::test]
async fn another_key_is_told_ours() {
    let body = vote(&json!({ "publicKey": "AB".repeat(32) })).to_string();
    assert_eq!(
        complaint("/votes", body).await,
        format!("Different public key {PUBLIC_KEY}")
    );
    let body = block("publicKey", &format!("\"{}\"", "AB".repeat(32)));
    assert_eq!(
        complaint("/blocks", body).await,
        format!("Different public key {PUBLIC_KEY}")
    );
}

#[tokio::test]
async fn a_rule_that_refuses_is_named_and_counted() {
    let rules = Rules {
        networks: Some(vec![Network::Beta]),
        ..Rules::default()
    };
    let key = local_key(SEED);
    let policy = Policy::new(everything(), key.public_key()).with_rules(rules);
    let signer = Signer::with_policy(key, policy);
    let text = "The policy NETWORKS does not allow this: the block is for another network.";
    assert_eq!(signer.post("/blocks", block("", "")).await.complaint(), text);
    signer.post("/blocks", block("network", "\"BETA\"")).await.signature();
    signer.post("/votes", vote(&json!({})).to_string()).await.signature();
    let metrics = String::from_utf8(signer.metrics.render(&signer.health)).unwrap();
    let line = "atto_signer_refusals_total{reason=\"policy_networks\"} 1";
    assert!(metrics.lines().any(|found| found == line), "{metrics}");
}

#[tokio::test]
async fn a_missing_capability_is_named() {
    let challenge = json!({ "target": "AB".repeat(64), "timestamp": 1 }).to_string();
    let requests = [
        (
            Kind::Block,
            "/blocks",
            block("", ""),
            "Signing a block is not allowed. Capability BLOCK is missing.",
        ),
        (
            Kind::Vote,
            "/votes",
            vote(&json!({})).to_string(),
            "Signing a vote is not allowed. Capability VOTE is missing.",
        ),
        (
            Kind::Challenge,
            "/challenges",
            challenge,
            "Signing a challenge is not allowed. Capability CHALLENGE is missing.",
        ),
    ];
    for (kind, path, body, text) in requests {
        let others = Kind::ALL
            .into_iter()
            .filter(|other| *other != kind)
            .fold(Capabilities::default(), Capabilities::with);
        let refusing = Signer::new(local_key(support::SEED), others);
        assert_eq!(refusing.post(path, body.clone()).await.complaint(), text);
        Signer::new(local_key(support::SEED), Capabilities::default().with(kind))
            .post(path, body)
            .await
            .signature();
    }
}
