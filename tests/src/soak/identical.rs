//! One vote that all callers request at once.

use std::time::Duration;

use anyhow::Result;
use futures::future::join_all;

use super::Measured;
use super::rig::Rig;
use super::row::Row;
use crate::node_client::{CONNECTIONS, NodeClient, random_vote};

pub const NAME: &str = "1,000 identical votes at once";

const NODES: usize = 10;

/// So that the last one arrives before the answer to the first.
const DELAY: Duration = Duration::from_millis(100);

pub async fn measure() -> Measured {
    let rig = Rig::start().await?;
    rig.delay(DELAY);
    let vote = random_vote(&rig.key);
    let nodes = (0..NODES)
        .map(|_| rig.another_node())
        .collect::<Result<Vec<NodeClient>>>()?;
    let each = nodes.iter().flat_map(|node| (0..CONNECTIONS).map(move |_| node));
    let outcomes = join_all(each.map(|node| node.sign(&vote, &rig.key))).await;
    let signed = outcomes.iter().filter(|outcome| outcome.result.is_ok()).count();
    let joined = rig.counter("atto_signer_joined_total")?;
    let calls = rig.kms.calls().to_sign(&vote.hash);
    Ok(vec![
        Row::exactly("KMS calls", 1, calls)
            .with(&format!(
                "{signed} of {} signed, {joined} joined the call",
                outcomes.len()
            ))
            .only_if(signed == outcomes.len()),
    ])
}
