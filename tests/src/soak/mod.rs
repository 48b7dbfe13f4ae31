//! The real signer with a KMS that is slow, silent or unavailable, under a flood, and during shutdown: its promises, measured
//! with the model of the node. Every request is a distinct vote.

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

/// Maximum memory of the signer in any case.
const MOST_MEBIBYTES: f64 = 64.0;

/// Other load of the computer, if it reports any.
fn load_average() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').take(3).collect::<Vec<_>>().join(" ")
}

/// The parts, by their names on the command line.
pub const PARTS: [&str; 9] = [
    "slow",
    "silent",
    "identical",
    "outage",
    "backends",
    "overhead",
    "flood",
    "termination",
    "schedules",
];

/// Prints a Markdown table, row by row, and returns whether every aim is met. Rows that leave the computer idle run together.
/// With `only`, only this one of [`PARTS`] is measured.
pub async fn run(only: Option<&str>) -> bool {
    let before = load_average();
    let mut table = row::Table::begin();
    for part in PARTS.into_iter().filter(|part| only.is_none_or(|only| only == *part)) {
        measure(part, &mut table).await;
    }
    let processors = std::thread::available_parallelism().map_or(0, usize::from);
    println!(
        "\nload average before {before}, after {}, on {processors} processors",
        load_average()
    );
    table.all_hold()
}

async fn measure(part: &str, table: &mut row::Table) {
    match part {
        "slow" => {
            let slow = join_all(DELAYS.map(slow::measure)).await;
            for (delay, rows) in DELAYS.into_iter().zip(slow) {
                table.add(&slow::name(delay), rows);
            }
        }
        "silent" => {
            let (very_slow, hanging) = join(very_slow::measure(), hanging::measure()).await;
            table.add(very_slow::NAME, very_slow);
            table.add(hanging::NAME, hanging);
        }
        "identical" => table.add(identical::NAME, identical::measure().await),
        "outage" => table.add(outage::NAME, outage::measure().await),
        "backends" => table.add(backends::NAME, backends::measure().await),
        "overhead" => table.add(overhead::NAME, overhead::measure().await),
        "flood" => table.add(flood::NAME, flood::measure().await),
        "termination" => table.add(termination::NAME, termination::measure().await),
        _ => table.add(schedules::NAME, schedules::measure().await),
    }
}

/// The rows of a part, or why it could not be measured.
type Measured = Result<Vec<Row>>;
