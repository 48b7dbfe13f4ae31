//! Memory, program size and start time.

use anyhow::{Context, Result};
use data_encoding::HEXUPPER;

use super::load::{self, Connections};
use super::rounds::Ballot;
use super::server::{self, Server};
use super::{kotlin, median, row, worst};
use crate::fake_kms::FakeKms;

/// More votes than the signature cache holds.
const VOTES: u64 = 20_000;

/// Bytes in RAM before the first request, and after a load.
pub struct Memory {
    idle: u64,
    loaded: u64,
}

impl Memory {
    /// Memory of a signer with its key in a KMS, which runs in this process.
    pub fn of_gcp() -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .context("cannot start a runtime")?;
        let kms = runtime.block_on(async { FakeKms::start([7; 32]) })?;
        let signer = Server::gcp(&kms.endpoint())?;
        let mut votes = Ballot::of(HEXUPPER.encode(kms.verifying_key().as_bytes()));
        Self::of(&signer, || {
            for connections in [Connections::Kept, Connections::New] {
                load::run(signer.port(), &votes.take(VOTES), connections)?;
            }
            Ok(())
        })
        .context("the signer with its key in KMS")
    }

    /// Memory of a signer before and after this load.
    pub fn of(signer: &Server, load: impl FnOnce() -> Result<()>) -> Result<Self> {
        let idle = signer.resident_bytes()?;
        load()?;
        let loaded = signer.resident_bytes()?;
        Ok(Self { idle, loaded })
    }
}

/// A heading and a row for each figure.
pub fn rows(local: &Memory, gcp: &Memory, started: &[f64]) -> Result<Vec<Vec<String>>> {
    let size = server::program_bytes()?;
    Ok(vec![
        row(["signer", "median", "worst", "aim", "Kotlin"]),
        row([
            "memory, LOCAL, idle",
            &mebibytes(local.idle),
            "",
            "20 MiB",
            kotlin::IDLE,
        ]),
        row([
            "memory, LOCAL, loaded",
            &mebibytes(local.loaded),
            "",
            "40 MiB",
            kotlin::LOADED,
        ]),
        row(["memory, GCP, idle", &mebibytes(gcp.idle), "", "28 MiB", ""]),
        row(["memory, GCP, loaded", &mebibytes(gcp.loaded), "", "40 MiB", ""]),
        row([
            "exec to ready, LOCAL",
            &super::milliseconds(median(started)),
            &super::milliseconds(worst(started)),
            "100 ms",
            "",
        ]),
        row(["program, stripped", &mebibytes(size), "", "14 MiB", ""]),
    ])
}

#[expect(
    clippy::cast_precision_loss,
    reason = "memory of one process is far below 2^52 bytes"
)]
pub fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / 1_048_576.0)
}
