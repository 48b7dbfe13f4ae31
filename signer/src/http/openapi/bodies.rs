//! Request and answer bodies.

use serde_json::{Value, json};
use utoipa::openapi::{
    OneOfBuilder, RefOr,
    example::Example,
    schema::{Discriminator, ObjectBuilder, Schema, SchemaType, Type},
};

use super::reference::reference;
use crate::{
    http::error::Code,
    protocol::{BlockKind, Challenge, MAX_AMOUNT, Network, PublicKey},
};

type Fields = Vec<(&'static str, RefOr<Schema>)>;
type Examples = Vec<(&'static str, RefOr<Example>)>;

/// Every schema with its name.
pub fn schemas() -> Vec<(&'static str, RefOr<Schema>)> {
    let blocks = BlockKind::NAMES.map(|name| (name, schema_of(name)));
    let mut schemas = vec![
        ("PublicKeys", object(vec![("publicKey", hex(32))])),
        ("Signature", object(vec![("signature", hex(64))])),
        ("Problem", object(vec![("message", text())])),
        (
            "Retry",
            object(vec![("message", text()), ("code", choice(&Code::ALL.map(Code::name)))]),
        ),
        ("Vote", object(vote_fields())),
        ("VoteRequest", object(vec![("target", reference("Vote"))])),
        ("ChallengeRequest", object(challenge_fields())),
        ("Block", any_of(&blocks)),
        ("BlockRequest", object(vec![("target", reference("Block"))])),
    ];
    schemas.extend(blocks.map(|(name, schema)| (schema, object(block_fields(name)))));
    schemas
}

fn schema_of(block: &str) -> &'static str {
    match block {
        "OPEN" => "OpenBlock",
        "RECEIVE" => "ReceiveBlock",
        "SEND" => "SendBlock",
        _ => "ChangeBlock",
    }
}

fn any_of(blocks: &[(&'static str, &'static str)]) -> RefOr<Schema> {
    let mapping = blocks
        .iter()
        .map(|(name, schema)| (*name, format!("#/components/schemas/{schema}")));
    let any = OneOfBuilder::new().discriminator(Some(Discriminator::with_mapping("type", mapping)));
    blocks
        .iter()
        .fold(any, |any, (_, schema)| any.item(reference(schema)))
        .into()
}

fn vote_fields() -> Fields {
    vec![
        ("version", whole(u16::MAX.into())),
        ("algorithm", choice(&["V1"])),
        ("publicKey", hex(32)),
        ("blockAlgorithm", choice(&["V1"])),
        ("blockHash", hex(32)),
        (
            "timestamp",
            timestamp("A vote with the timestamp 9223372036854775807 is final."),
        ),
    ]
}

fn challenge_fields() -> Fields {
    let bytes = ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some(format!("^([0-9A-Fa-f]{{2}}){{{},}}$", Challenge::MIN_LENGTH)))
        .description(Some(
            "A node sends the public URI of the node that must sign, as UTF-8, and 128 random bytes.",
        ));
    vec![("target", bytes.into()), ("timestamp", timestamp("When it was made."))]
}

fn block_fields(name: &'static str) -> Fields {
    let mut fields = vec![
        ("type", choice(&[name])),
        ("network", choice(&Network::ALL.map(Network::name))),
        ("version", whole(u16::MAX.into())),
        ("algorithm", choice(&["V1"])),
        ("publicKey", hex(32)),
        ("balance", whole(MAX_AMOUNT)),
        ("timestamp", timestamp("When it was made.")),
    ];
    if name != "OPEN" {
        fields.extend([("height", whole(u64::MAX)), ("previous", hex(32))]);
    }
    if matches!(name, "OPEN" | "RECEIVE") {
        fields.extend([("sendHashAlgorithm", choice(&["V1"])), ("sendHash", hex(32))]);
    }
    if matches!(name, "OPEN" | "CHANGE") {
        fields.extend([
            ("representativeAlgorithm", choice(&["V1"])),
            ("representativePublicKey", hex(32)),
        ]);
    }
    if name == "SEND" {
        fields.extend([
            ("receiverAlgorithm", choice(&["V1"])),
            ("receiverPublicKey", hex(32)),
            ("amount", whole(MAX_AMOUNT)),
        ]);
    }
    fields
}

/// An object whose fields are all required.
fn object(fields: Fields) -> RefOr<Schema> {
    let object = ObjectBuilder::new().schema_type(Type::Object);
    let object = fields.into_iter().fold(object, |object, (name, schema)| {
        object.property(name, schema).required(name)
    });
    object.into()
}

fn text() -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(Type::String).into()
}

fn choice(names: &[&str]) -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(names.iter().copied()))
        .into()
}

fn hex(bytes: usize) -> RefOr<Schema> {
    let pattern = format!("^[0-9A-Fa-f]{{{}}}$", 2 * bytes);
    ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some(pattern))
        .into()
}

/// 64-bit numbers exceed the precision of JavaScript, so they are quoted.
fn number(description: String) -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(SchemaType::Array(vec![Type::Integer, Type::String]))
        .description(Some(description))
        .into()
}

fn whole(max: u64) -> RefOr<Schema> {
    number(format!("A whole number from 0 to {max}, bare or in quotes."))
}

fn timestamp(meaning: &str) -> RefOr<Schema> {
    number(format!(
        "Milliseconds since the Unix epoch, bare or in quotes. {meaning}"
    ))
}

fn example(summary: &str, value: Value) -> RefOr<Example> {
    RefOr::T(Example::builder().summary(summary).value(Some(value)).build())
}

const TIMESTAMP: i64 = 1_767_225_600_000;

/// Votes that the owner of this key can have signed.
pub fn vote_examples(own: PublicKey) -> Examples {
    let vote = |timestamp: Value| {
        json!({ "target": {
            "version": 0, "algorithm": "V1", "publicKey": own.to_string(), "blockAlgorithm": "V1",
            "blockHash": "AB".repeat(32), "timestamp": timestamp,
        } })
    };
    vec![
        ("vote", example("A vote", vote(TIMESTAMP.into()))),
        ("final", example("A final vote", vote(i64::MAX.to_string().into()))),
    ]
}

/// A challenge as a node creates it.
pub fn challenge_examples() -> Examples {
    let bytes = [b"wss://node.example:8082".as_slice(), &[0xAB; 128]].concat();
    let target = data_encoding::HEXUPPER.encode(&bytes);
    let challenge = json!({ "target": target, "timestamp": TIMESTAMP });
    vec![(
        "challenge",
        example("A challenge to the node at wss://node.example:8082", challenge),
    )]
}

/// A block of each type.
pub fn block_examples(own: PublicKey) -> Examples {
    let other = "CD".repeat(32);
    let block = |name: &str, further: Value| {
        let mut target = json!({
            "type": name, "network": "LIVE", "version": 0, "algorithm": "V1", "publicKey": own.to_string(),
            "balance": 1_000_000_000, "timestamp": TIMESTAMP,
        });
        if let (Some(target), Value::Object(further)) = (target.as_object_mut(), further) {
            target.extend(further);
        }
        json!({ "target": target })
    };
    let open = json!({
        "sendHashAlgorithm": "V1", "sendHash": other, "representativeAlgorithm": "V1", "representativePublicKey": other,
    });
    let receive = json!({ "height": 2, "previous": other, "sendHashAlgorithm": "V1", "sendHash": other });
    let send = json!({
        "height": 2, "previous": other, "receiverAlgorithm": "V1", "receiverPublicKey": other, "amount": 1_000_000,
    });
    let change = json!({
        "height": 2, "previous": other, "representativeAlgorithm": "V1", "representativePublicKey": other,
    });
    vec![
        ("open", example("The first block of an account", block("OPEN", open))),
        (
            "receive",
            example(
                "Receives an amount that another account has sent",
                block("RECEIVE", receive),
            ),
        ),
        ("send", example("Sends an amount", block("SEND", send))),
        (
            "change",
            example("Names another representative", block("CHANGE", change)),
        ),
    ]
}
