//! The end-to-end suite on real pods. `gcp`: with Google's own services. `node`: only a Kubernetes node, for people.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let done = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => tests::e2e::run().await,
        ["gcp"] => tests::e2e::run_in_google_cloud().await,
        ["node"] => tests::e2e::keep_nodes().await,
        _ => Err(anyhow::anyhow!("takes nothing, `gcp` or `node`")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
