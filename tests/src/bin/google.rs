//! A stand-in for Google's services, for a pod.

use clap::Parser;
use tests::e2e::stand_in::google::{Arguments, run};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    run(Arguments::parse()).await
}
