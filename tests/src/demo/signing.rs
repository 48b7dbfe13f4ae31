//! Step 11: a vote and a challenge are signed, a block is refused, and the signatures match the shown address.

use anyhow::{Context, Result, ensure};
use data_encoding::HEXLOWER_PERMISSIVE;
use ed25519_dalek::{Signature, VerifyingKey};
use serde_json::{Value, json};
use signer::protocol::{Address, Challenge, Message, PublicKey, Vote};

use super::Demo;
use super::signer::Signer;
use crate::signer_process::{self, Answer};

/// Any moment, because the demo may show a vote with an old timestamp.
const TIMESTAMP: i64 = 1_767_225_600_000;
const BLOCK_HASH: [u8; 32] = [0xA7; 32];
const CHALLENGE: [u8; 64] = [0x5C; 64];

pub fn show(demo: &mut Demo) -> Result<()> {
    demo.screen
        .step("It signs a vote and a challenge, refuses a block, and its signatures verify");
    let signer = demo.signer.as_ref().context("the signer runs")?;
    let info = json_of(&signer_process::get(signer.management, "/info")?)?;
    demo.screen
        .note(&format!("GET http://localhost:{}/info", signer.management));
    demo.screen.output(&info.to_string());
    // From here on, only the address of the key is used.
    let address: Address = info["address"].as_str().context("/info shows no address")?.parse()?;
    let key = address.0;

    let vote = Vote {
        version: 0,
        public_key: key,
        block_hash: BLOCK_HASH,
        timestamp: TIMESTAMP,
    };
    let answer = post(
        demo,
        signer,
        "/votes",
        &json!({"target": {
            "version": 0, "algorithm": "V1", "publicKey": key.to_string(),
            "blockAlgorithm": "V1", "blockHash": hex(&BLOCK_HASH), "timestamp": TIMESTAMP,
        }}),
    )?;
    verify(demo, "vote", &key, vote.hash().as_ref(), &answer)?;

    let challenge = Challenge::new(key, CHALLENGE.to_vec(), TIMESTAMP)?;
    let answer = post(
        demo,
        signer,
        "/challenges",
        &json!({"target": hex(&CHALLENGE), "timestamp": TIMESTAMP}),
    )?;
    verify(demo, "challenge", &key, challenge.hash().as_ref(), &answer)?;

    let answer = post(
        demo,
        signer,
        "/blocks",
        &json!({"target": {
            "type": "SEND", "network": "LOCAL", "version": 0, "algorithm": "V1", "publicKey": key.to_string(),
            "height": 2, "balance": 1, "timestamp": TIMESTAMP, "previous": hex(&BLOCK_HASH),
            "receiverAlgorithm": "V1", "receiverPublicKey": hex(&[1; 32]), "amount": 1,
        }}),
    )?;
    ensure!(answer.status == 400, "a block was answered with {}", answer.status);
    let message = json_of(&answer)?["message"].clone();
    ensure!(
        message == "Signing a block is not allowed. Capability BLOCK is missing.",
        "the refusal says {message}"
    );

    let answer = signer_process::post(signer.api, "/votes", "not-the-token", "{}")?;
    demo.screen.note(&format!(
        "POST http://localhost:{}/votes with another token",
        signer.api
    ));
    demo.screen.output(&answer.status.to_string());
    ensure!(
        answer.status == 401 && answer.body.is_empty(),
        "a wrong token was answered with {}",
        answer.status
    );
    Ok(())
}

/// A request like the node's.
fn post(demo: &Demo, signer: &Signer, path: &str, body: &Value) -> Result<Answer> {
    let port = signer.api;
    demo.screen.note(&format!("POST http://localhost:{port}{path} {body}"));
    let answer = signer_process::post(port, path, signer.token()?, &body.to_string())?;
    demo.screen.output(&format!("{} {}", answer.status, answer.body));
    Ok(answer)
}

/// Verifies with another Ed25519 implementation than the signer's, over the hash of bytes that are built here.
fn verify(demo: &Demo, what: &str, key: &PublicKey, hash: &[u8], answer: &Answer) -> Result<()> {
    ensure!(
        answer.status == 200,
        "the {what} was answered with {}: {}",
        answer.status,
        answer.body
    );
    let text = json_of(answer)?["signature"]
        .as_str()
        .context("an answer without a signature")?
        .to_owned();
    let bytes = HEXLOWER_PERMISSIVE
        .decode(text.as_bytes())
        .context("a signature that is not hex")?;
    let signature = Signature::from_slice(&bytes).context("a signature of another length")?;
    let verifier = VerifyingKey::from_bytes(&key.0).context("an address that is no key")?;
    verifier
        .verify_strict(hash, &signature)
        .with_context(|| format!("the signature of the {what} does not verify"))?;
    let mut other = hash.to_vec();
    other[0] ^= 1;
    ensure!(
        verifier.verify_strict(&other, &signature).is_err(),
        "the signature verifies for another {what} as well"
    );
    demo.screen.note(&format!(
        "verified: it is the signature of this {what} by the key of that address"
    ));
    Ok(())
}

fn json_of(answer: &Answer) -> Result<Value> {
    serde_json::from_str(&answer.body).with_context(|| format!("an answer that is not JSON: {:?}", answer.body))
}

fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXUPPER.encode(bytes)
}
