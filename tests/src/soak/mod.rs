//! The real signer in front of a KMS that is slow, silent or away, under a flood, and told to end: what it promises then,
//! measured with the model of the node, every request a distinct vote.

mod backends;
pub mod flood;
mod hanging;
mod identical;
mod outage;
mod overhead;
pub mod rig;
mod row;
mod schedules;
mod slow;
mod termination;
mod very_slow;

use std::time::Duration;

use anyhow::Result;
use futures::future::{join, join_all};

use row::Row;

const DELAYS: [Duration; 4] = [
    Duration::from_millis(500),
    Duration::from_millis(950),
    Duration::from_millis(1_200),
    Duration::from_secs(5),
];

/// Memory of the signer, whatever happens.
const MOST_MEBIBYTES: f64 = 64.0;

/// What else the machine does, as far as it says so.
fn load_average() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').take(3).collect::<Vec<_>>().join(" ")
}

/// Prints a markdown table, row by row; says whether every aim is met. Rows that leave the machine idle run together.
pub async fn run() -> bool {
    let before = load_average();
    let mut table = row::Table::begin();
    let slow = join_all(DELAYS.map(slow::measure)).await;
    for (delay, rows) in DELAYS.into_iter().zip(slow) {
        table.add(&slow::name(delay), rows);
    }
    let (very_slow, hanging) = join(very_slow::measure(), hanging::measure()).await;
    table.add(very_slow::NAME, very_slow);
    table.add(hanging::NAME, hanging);
    table.add(identical::NAME, identical::measure().await);
    table.add(outage::NAME, outage::measure().await);
    table.add(backends::NAME, backends::measure().await);
    table.add(overhead::NAME, overhead::measure().await);
    table.add(flood::NAME, flood::measure().await);
    table.add(termination::NAME, termination::measure().await);
    table.add(schedules::NAME, schedules::measure().await);
    let processors = std::thread::available_parallelism().map_or(0, usize::from);
    println!(
        "\nload average before {before}, after {}, on {processors} processors",
        load_average()
    );
    table.all_hold()
}

/// What a part of the soak gives, or why it could not be measured.
type Measured = Result<Vec<Row>>;
