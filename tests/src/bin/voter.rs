//! A stand-in for Atto's node, for a pod.

use clap::Parser;
use tests::e2e::stand_in::node::{Arguments, run};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    run(Arguments::parse()).await
}
