//! `kubectl atto-signer report`: an archive for a support request.

mod archive;
mod collect;
mod redact;

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use k8s_openapi::jiff::Timestamp;

use self::archive::Archive;
use super::bindings::{self, NamespaceArgs};
use crate::cluster::connect::Choice;
use crate::commands::{self, Failure};
use crate::exit;

/// Flags of `kubectl atto-signer report`.
#[derive(Args, Clone, Debug)]
pub struct ReportArgs {
    #[command(flatten)]
    pub namespace: NamespaceArgs,

    /// The archive to write, a gzipped tar. Default: atto-signer-report-TIME.tar.gz in this folder.
    #[arg(short, long, value_name = "FILE")]
    pub file: Option<PathBuf>,
}

/// Writes the archive. The report lists the objects and logs that could not be read. They are not an error.
///
/// # Errors
/// The SignerBindings cannot be read, or the file cannot be written.
pub async fn report(choice: Choice, arguments: ReportArgs) -> Result<String, Failure> {
    let ReportArgs { namespace, file } = arguments;
    let now = Timestamp::now();
    let file =
        file.unwrap_or_else(|| PathBuf::from(format!("atto-signer-report-{}.tar.gz", now.strftime("%Y%m%dT%H%M%SZ"))));
    let cannot = |error: std::io::Error| Failure::new(exit::OUTPUT, format!("{}: {error}.", file.display()));
    if file.exists() {
        let text = format!("{} exists already. Name another file with --file.", file.display());
        return Err(Failure::new(exit::OUTPUT, text));
    }
    let client = commands::connect(choice).await?;
    let found = bindings::find(&client, &namespace, None).await?;
    let collected = collect::all(&client, &found).await;
    let mut archive = Archive::new(now);
    archive.add("README.txt", archive::README);
    for (path, text) in &collected.files {
        archive.add(path, text);
    }
    archive.add("not-read.txt", &lines(&collected.not_read));
    archive.write(&file).map_err(cannot)?;
    let mut text = format!(
        "Wrote {}: {} files about {} SignerBindings. It contains no Secret and no token. Check it before you send it to anyone.\n",
        file.display(),
        collected.files.len() + 2,
        found.len()
    );
    for what in &collected.not_read {
        let _ = writeln!(text, "Not read: {what}");
    }
    Ok(text)
}

fn lines(texts: &[String]) -> String {
    texts.iter().flat_map(|text| [text.as_str(), "\n"]).collect()
}
