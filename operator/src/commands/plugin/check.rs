//! `kubectl atto-signer check`: the checks of `operator preflight` that need only a person's permissions. Scripts can
//! use it too.

use clap::Args;
use serde::Serialize;

use super::output::{self, Format};
use crate::cluster::connect::Choice;
use crate::commands::preflight;
use crate::commands::preflight::finding::{self, Verdict};
use crate::commands::{self, Failure};

/// Flags of `kubectl atto-signer check`.
#[derive(Args, Clone, Debug)]
pub struct CheckArgs {
    /// The form of the output.
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Format,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Check {
    about: &'static str,
    /// `Ok`, `Warning` or `Failed`.
    verdict: &'static str,
    message: String,
}

/// The findings, and the exit code of the worst one.
///
/// # Errors
/// No cluster is configured.
pub async fn check(choice: Choice, arguments: CheckArgs) -> Result<(String, u8), Failure> {
    let CheckArgs { output } = arguments;
    let client = commands::connect(choice).await?;
    let findings = preflight::examine_from_outside(&client).await;
    let checks: Vec<_> = findings
        .iter()
        .map(|finding| Check {
            about: finding.about,
            verdict: match finding.verdict {
                Verdict::Ok => "Ok",
                Verdict::Warning => "Warning",
                Verdict::Unavailable | Verdict::Denied | Verdict::Unfit => "Failed",
            },
            message: finding.text.clone(),
        })
        .collect();
    let text = match output::list(output, "CheckList", &checks) {
        Some(text) => text?,
        None => finding::fitted(&findings),
    };
    Ok((text, finding::worst(&findings).exit_code()))
}
