//! Prints the data that decoders accept.

use data_encoding::{BASE64, HEXUPPER};
use google_cloud_kms::model::{
    AsymmetricSignResponse, PublicKey as KmsKey, crypto_key_version::CryptoKeyVersionAlgorithm,
};
use serde_json::{Value, json};

use super::NAME;
use crate::{
    backend::{Signature, spki},
    protocol::{Block, BlockKind, Challenge, Link, PublicKey, Vote},
};

pub fn block(block: &Block) -> String {
    let mut target = json!({
        "type": block.kind.name(), "network": block.network.name(), "version": block.version, "algorithm": "V1",
        "publicKey": block.public_key.to_string(), "balance": block.balance, "timestamp": block.timestamp,
    });
    match &block.kind {
        BlockKind::Open {
            send_hash,
            representative,
        } => {
            add_send_hash(&mut target, send_hash);
            add_representative(&mut target, *representative);
        }
        BlockKind::Receive { link, send_hash } => {
            add_link(&mut target, link);
            add_send_hash(&mut target, send_hash);
        }
        BlockKind::Send { link, receiver, amount } => {
            add_link(&mut target, link);
            target["receiverAlgorithm"] = json!("V1");
            target["receiverPublicKey"] = json!(receiver.to_string());
            target["amount"] = json!(amount);
        }
        BlockKind::Change { link, representative } => {
            add_link(&mut target, link);
            add_representative(&mut target, *representative);
        }
    }
    json!({ "target": target }).to_string()
}

fn add_link(target: &mut Value, link: &Link) {
    target["height"] = json!(link.height);
    target["previous"] = json!(HEXUPPER.encode(&link.previous));
}

fn add_send_hash(target: &mut Value, hash: &[u8; 32]) {
    target["sendHashAlgorithm"] = json!("V1");
    target["sendHash"] = json!(HEXUPPER.encode(hash));
}

fn add_representative(target: &mut Value, key: PublicKey) {
    target["representativeAlgorithm"] = json!("V1");
    target["representativePublicKey"] = json!(key.to_string());
}

pub fn vote(vote: &Vote) -> String {
    let target = json!({
        "version": vote.version, "algorithm": "V1", "publicKey": vote.public_key.to_string(), "blockAlgorithm": "V1",
        "blockHash": HEXUPPER.encode(&vote.block_hash), "timestamp": vote.timestamp,
    });
    json!({ "target": target }).to_string()
}

pub fn challenge(challenge: &Challenge) -> String {
    // The last 8 canonical bytes are the timestamp.
    let canonical = challenge.canonical_bytes();
    let timestamp = canonical.last_chunk().map_or(0, |bytes| i64::from_le_bytes(*bytes));
    json!({ "target": HEXUPPER.encode(challenge.bytes()), "timestamp": timestamp }).to_string()
}

pub fn pem(key: PublicKey) -> String {
    format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
        BASE64.encode(&spki::to_der(key))
    )
}

pub fn public_key(pem: &str) -> KmsKey {
    KmsKey::new()
        .set_name(NAME)
        .set_algorithm(CryptoKeyVersionAlgorithm::EcSignEd25519)
        .set_pem(pem)
        .set_pem_crc32c(i64::from(crc32c::crc32c(pem.as_bytes())))
}

pub fn signature(signature: &Signature) -> AsymmetricSignResponse {
    AsymmetricSignResponse::new()
        .set_name(NAME)
        .set_signature(bytes::Bytes::copy_from_slice(signature))
        .set_signature_crc32c(i64::from(crc32c::crc32c(signature)))
        .set_verified_data_crc32c(true)
}
