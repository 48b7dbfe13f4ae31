use std::{collections::BTreeSet, fs, path::Path};

use proptest::prelude::*;

use super::*;
use crate::protocol::{Block, BlockKind, Challenge, Link, MAX_AMOUNT, Network, Vote};

fn key() -> impl Strategy<Value = PublicKey> {
    any::<[u8; 32]>().prop_map(PublicKey)
}

fn link() -> impl Strategy<Value = Link> {
    (any::<u64>(), any::<[u8; 32]>()).prop_map(|(height, previous)| Link { height, previous })
}

fn kind() -> impl Strategy<Value = BlockKind> {
    prop_oneof![
        (any::<[u8; 32]>(), key()).prop_map(|(send_hash, representative)| BlockKind::Open {
            send_hash,
            representative
        }),
        (link(), any::<[u8; 32]>()).prop_map(|(link, send_hash)| BlockKind::Receive { link, send_hash }),
        (link(), key(), 0..=MAX_AMOUNT).prop_map(|(link, receiver, amount)| BlockKind::Send { link, receiver, amount }),
        (link(), key()).prop_map(|(link, representative)| BlockKind::Change { link, representative }),
    ]
}

prop_compose! {
    fn any_block()(
        network in prop::sample::select(&Network::ALL[..]), version: u16, public_key in key(), balance in 0..=MAX_AMOUNT,
        timestamp: i64, kind in kind(),
    ) -> Block {
        Block { network, version, public_key, balance, timestamp, kind }
    }
}

prop_compose! {
    fn any_vote()(version: u16, public_key in key(), block_hash: [u8; 32], timestamp: i64) -> Vote {
        Vote { version, public_key, block_hash, timestamp }
    }
}

fn any_challenge() -> impl Strategy<Value = Challenge> {
    (prop::collection::vec(any::<u8>(), 64..300), any::<i64>())
        .prop_map(|(bytes, timestamp)| Challenge::new(OWN, bytes, timestamp).unwrap())
}

/// An example that each decoder accepts.
fn taken() -> impl Strategy<Value = (Decoder, Vec<u8>)> {
    prop_oneof![
        any_block().prop_map(|message| (block as Decoder, print::block(&message).into_bytes())),
        any_vote().prop_map(|message| (vote as Decoder, print::vote(&message).into_bytes())),
        any_challenge().prop_map(|message| (challenge as Decoder, print::challenge(&message).into_bytes())),
        any::<[u8; 32]>().prop_map(|seed| {
            let key = ed25519_dalek::SigningKey::from_bytes(&seed).verifying_key();
            let answer = print::public_key(&print::pem(PublicKey(key.to_bytes())));
            (public_key as Decoder, serde_json::to_vec(&answer).unwrap())
        }),
        (any::<[u8; 32]>(), any::<[u8; 32]>()).prop_map(|(first, second)| {
            let bytes = [first, second].concat().try_into().unwrap();
            (
                signature as Decoder,
                serde_json::to_vec(&print::signature(&bytes)).unwrap(),
            )
        }),
    ]
}

/// The same messages for targets that check more than the format.
fn prefixed() -> impl Strategy<Value = Vec<u8>> {
    let with = |prefix: u8, body: String| [&[prefix], body.as_bytes()].concat();
    prop_oneof![
        any_block().prop_map(move |message| with(b'B', print::block(&message))),
        any_vote().prop_map(move |message| with(b'V', print::vote(&message))),
        any_challenge().prop_map(move |message| with(b'C', print::challenge(&message))),
    ]
}

proptest! {
    #[test]
    fn every_message_is_one_line_of_the_trail_and_is_judged_by_what_is_signed(bytes in prefixed()) {
        prop_assert!(audit(&bytes), "{}", String::from_utf8_lossy(&bytes));
        policy(&bytes);
    }

    #[test]
    fn any_bytes_are_borne(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        for (_, decode) in ALL {
            decode(&bytes);
        }
    }

    #[test]
    fn what_is_printed_is_taken((decode, bytes) in taken()) {
        prop_assert!(decode(&bytes), "{}", String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn what_was_damaged_on_its_way_is_borne(
        (decode, mut bytes) in taken(), damages in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        for (place, byte) in damages {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        decode(&bytes);
    }
}

#[test]
fn messages_survive_being_printed() {
    let mut runner = proptest::test_runner::TestRunner::default();
    let outcome = runner.run(
        &(any_block(), any_vote(), any_challenge()),
        |(block, vote, challenge)| {
            prop_assert_eq!(requests::block(print::block(&block).as_bytes()), Ok(block));
            prop_assert_eq!(requests::vote(print::vote(&vote).as_bytes()), Ok(vote));
            prop_assert_eq!(
                requests::challenge(print::challenge(&challenge).as_bytes(), OWN),
                Ok(challenge)
            );
            Ok(())
        },
    );
    assert_eq!(outcome, Ok(()));
}

/// The seeds of the fuzz targets; a name tells the expected result.
#[test]
fn the_seeds_are_what_their_names_say() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds");
    for (name, decode) in ALL {
        let mut outcomes = BTreeSet::new();
        for seed in fs::read_dir(seeds.join(name)).unwrap() {
            let path = seed.unwrap().path();
            let is_taken = decode(&fs::read(&path).unwrap());
            let outcome = if is_taken { "taken-" } else { "refused-" };
            let file = path.file_name().unwrap().to_str().unwrap();
            assert!(file.starts_with(outcome), "{}", path.display());
            outcomes.insert(is_taken);
        }
        assert_eq!(
            outcomes.len(),
            2,
            "{name} has seeds that are taken and seeds that are refused"
        );
    }
}
