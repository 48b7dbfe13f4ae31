//! The public vectors, through the whole HTTP router.

use crate::support::{Signer, everything, local_key};
use data_encoding::{HEXUPPER, HEXUPPER_PERMISSIVE};
use serde::Deserialize;
use serde_json::{Value, json};
use signer::{
    backend::Backend,
    protocol::{Address, Block, BlockKind, Challenge, Link, Message, Network, PublicKey, Vote},
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Vector {
    endpoint: String,
    private_key: String,
    public_key: String,
    address: String,
    body: String,
    preimage: String,
    hash: Option<String>,
    signature: String,
}

fn vectors() -> Vec<Vector> {
    let vectors: Vec<Vector> = serde_json::from_str(include_str!("../../../tests/vectors/atto-signing.json")).unwrap();
    assert_eq!(vectors.len(), 39);
    vectors
}

#[tokio::test]
async fn every_vector_is_signed_alike() {
    for vector in vectors() {
        let key = local_key(&vector.private_key);
        assert_eq!(key.public_key().to_string(), vector.public_key);
        let signer = Signer::new(key, everything());
        let answer = signer.post(&vector.endpoint, vector.body.clone()).await;
        assert_eq!(answer.signature(), vector.signature, "{}", vector.body);
        assert_eq!(answer.body, json!({ "signature": vector.signature }).to_string());
    }
}

#[tokio::test]
async fn public_keys_and_addresses_are_those_of_the_vectors() {
    for vector in vectors() {
        let key = local_key(&vector.private_key);
        assert_eq!(Address(key.public_key()).to_string(), vector.address);
        assert_eq!(vector.address.parse(), Ok(Address(key.public_key())));
        let signer = Signer::new(key, everything());
        let answer = signer
            .send(
                http::Request::get("/public-keys")
                    .body(axum::body::Body::empty())
                    .unwrap(),
            )
            .await;
        assert_eq!(answer.body, json!({ "publicKey": vector.public_key }).to_string());
    }
}

#[test]
fn canonical_bytes_and_hashes_are_those_of_the_vectors() {
    for vector in vectors() {
        let body: Value = serde_json::from_str(&vector.body).unwrap();
        let (bytes, hash) = match vector.endpoint.as_str() {
            "/blocks" => {
                let block = block(&body["target"]);
                (
                    block.canonical_bytes().as_ref().to_vec(),
                    block.hash().as_ref().to_vec(),
                )
            }
            "/votes" => {
                let vote = vote(&body["target"]);
                (vote.canonical_bytes().as_ref().to_vec(), vote.hash().as_ref().to_vec())
            }
            _ => {
                let bytes = HEXUPPER_PERMISSIVE
                    .decode(body["target"].as_str().unwrap().as_bytes())
                    .unwrap();
                let key = PublicKey(bytes32(&json!(vector.public_key)));
                let challenge = Challenge::new(key, bytes, body["timestamp"].as_i64().unwrap()).unwrap();
                (challenge.canonical_bytes(), challenge.hash().as_ref().to_vec())
            }
        };
        assert_eq!(HEXUPPER.encode(&bytes), vector.preimage, "{}", vector.body);
        if let Some(expected) = vector.hash {
            assert_eq!(HEXUPPER.encode(&hash), expected, "{}", vector.body);
        }
    }
}

fn bytes32(value: &Value) -> [u8; 32] {
    HEXUPPER
        .decode(value.as_str().unwrap().as_bytes())
        .unwrap()
        .try_into()
        .unwrap()
}

fn vote(target: &Value) -> Vote {
    Vote {
        version: u16::try_from(target["version"].as_u64().unwrap()).unwrap(),
        public_key: PublicKey(bytes32(&target["publicKey"])),
        block_hash: bytes32(&target["blockHash"]),
        timestamp: target["timestamp"].as_i64().unwrap(),
    }
}

fn block(target: &Value) -> Block {
    let link = || Link {
        height: target["height"].as_u64().unwrap(),
        previous: bytes32(&target["previous"]),
    };
    let key = |name: &str| PublicKey(bytes32(&target[name]));
    let networks = [
        ("LIVE", Network::Live),
        ("BETA", Network::Beta),
        ("DEV", Network::Dev),
        ("LOCAL", Network::Local),
    ];
    Block {
        network: networks
            .into_iter()
            .find(|(name, _)| target["network"] == *name)
            .unwrap()
            .1,
        version: u16::try_from(target["version"].as_u64().unwrap()).unwrap(),
        public_key: key("publicKey"),
        balance: target["balance"].as_u64().unwrap(),
        timestamp: target["timestamp"].as_i64().unwrap(),
        kind: match target["type"].as_str().unwrap() {
            "OPEN" => BlockKind::Open {
                send_hash: bytes32(&target["sendHash"]),
                representative: key("representativePublicKey"),
            },
            "RECEIVE" => BlockKind::Receive {
                link: link(),
                send_hash: bytes32(&target["sendHash"]),
            },
            "SEND" => BlockKind::Send {
                link: link(),
                receiver: key("receiverPublicKey"),
                amount: target["amount"].as_u64().unwrap(),
            },
            _ => BlockKind::Change {
                link: link(),
                representative: key("representativePublicKey"),
            },
        },
    }
}
