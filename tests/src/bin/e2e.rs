//! The end-to-end suite on real pods.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    match tests::e2e::run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
