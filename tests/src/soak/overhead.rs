//! The difference between a request to the signer and one to KMS: the same load, alternately through the signer and directly.

use std::time::Duration;

use data_encoding::BASE64;

use super::Measured;
use super::rig::Rig;
use super::row::{Row, milliseconds};
use crate::fake_kms::{KEY_VERSION, crc32c};
use crate::node_client::{Message, paced, random_vote};

pub const NAME: &str = "a KMS call at 500/s, each asked for on a new connection";

const RATE: u32 = 500;
/// Rounds of one second each.
const ROUNDS: usize = 8;
const MOST_MILLISECONDS: f64 = 1.0;

pub async fn measure() -> Measured {
    let rig = Rig::start().await?;
    let (signer, kms) = (format!("127.0.0.1:{}", rig.signer.port()), rig.kms.endpoint());
    let kms = kms.trim_start_matches("http://");
    let through = |vote: &Message| rig.node.request(vote);
    let past = |vote: &Message| to_kms(&vote.hash);
    let votes = || (0..RATE).map(|_| random_vote(&rig.key)).collect::<Vec<_>>();
    paced(&signer, votes().iter().map(through).collect(), RATE).await?;
    paced(kms, votes().iter().map(past).collect(), RATE).await?;
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        with.extend(paced(&signer, votes().iter().map(through).collect(), RATE).await?);
        without.extend(paced(kms, votes().iter().map(past).collect(), RATE).await?);
    }
    with.sort_unstable();
    without.sort_unstable();
    let added = |per_mille: usize| {
        let at = |times: &[Duration]| times.get(times.len() * per_mille / 1_000).copied().map(milliseconds);
        at(&with)
            .zip(at(&without))
            .map_or(f64::NAN, |(with, without)| with - without)
    };
    Ok(vec![
        Row::at_most("what the signer adds, 99 %", "ms", MOST_MILLISECONDS, added(990))
            .with(&format!("half: {:.2} ms", added(500))),
    ])
}

/// The signer's call for a hash.
fn to_kms(hash: &[u8]) -> Vec<u8> {
    let body = format!(
        r#"{{"data":"{}","dataCrc32c":"{}"}}"#,
        BASE64.encode(hash),
        crc32c(hash)
    );
    format!(
        "POST /v1/{KEY_VERSION}:asymmetricSign HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}
