//! The calls to a healthy service.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Result, ensure};
use futures::future::join_all;
use tests::fake_server::For;
use tests::key_front::{Act, Asked};
use tests::key_services::{Call, KeyService, is_sign, ready};
use tests::node_client::random_vote;
use tests::waiting_signer::votes;

/// Votes are hashes of 32 bytes; the text of the self-test is longer.
const HASH: usize = 32;

/// On a busy computer, a call may take so long that it is hedged once.
const WITH_A_HEDGE: usize = 2;

fn signs(asked: &[Asked], call: fn(&Asked) -> Option<Call>) -> Vec<Vec<u8>> {
    let calls = asked.iter().filter_map(call);
    calls
        .filter_map(|call| match call {
            Call::Sign(bytes) => Some(bytes),
            _ => None,
        })
        .collect()
}

pub async fn one_call_per_hash(service: &dyn KeyService) -> Result<()> {
    let signer = ready(service, &[]).await?;
    signer.signs_all(votes(50), &service.key()).await?;
    let asked = service.front().asked();
    let mut calls = BTreeMap::<_, usize>::new();
    for hash in signs(&asked, service.call()) {
        if hash.len() == HASH {
            *calls.entry(hash).or_default() += 1;
        }
    }
    ensure!(
        calls.len() == 50 && calls.values().all(|calls| *calls <= WITH_A_HEDGE),
        "{} hashes, {:?} calls",
        calls.len(),
        calls.values()
    );
    Ok(())
}

pub async fn equal_votes_are_one_call(service: &dyn KeyService) -> Result<()> {
    let signer = ready(service, &[]).await?;
    service
        .front()
        .on(is_sign(service), Act::Delay(Duration::from_millis(100)), For::Ever);
    let (node, key) = (signer.node()?, service.key());
    let vote = random_vote(&key);
    let outcomes = join_all((0..100).map(|_| node.sign(&vote, &key))).await;
    ensure!(
        outcomes.iter().all(|outcome| outcome.result.is_ok()),
        "{}",
        signer.log()
    );
    let asked = signs(&service.front().asked(), service.call());
    let calls = asked.iter().filter(|bytes| **bytes == vote.hash).count();
    ensure!((1..=WITH_A_HEDGE).contains(&calls), "{calls} calls");
    Ok(())
}

pub async fn the_start_signs_twice(service: &dyn KeyService) -> Result<()> {
    let _signer = ready(service, &[]).await?;
    let asked = service.front().asked();
    let call = service.call();
    let keys = asked
        .iter()
        .filter(|asked| call(asked) == Some(Call::PublicKey))
        .count();
    let signs = signs(&asked, call);
    ensure!(keys == 1, "the public key was asked for {keys} times");
    ensure!(signs.len() == 2 && signs[0] == signs[1], "{} signatures", signs.len());
    ensure!(signs[0].len() != HASH, "a self-test is no hash of Atto's");
    Ok(())
}
