//! Writes generated files. `generate`: the chart's README, `charts/install*.yaml`, the pages of the reference, the
//! figures in pages, and the version in all its places. `generate schemas`: kubeconform's, from an API server that it
//! starts. `generate snapshots`: the snapshots that helm-unittest compares with.

use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail, ensure};
use tests::chart::{self, generated, schemas};
use tests::{ControlPlane, assets, figures, reference, version, workspace};

#[tokio::main]
async fn main() -> ExitCode {
    let what: Vec<_> = std::env::args().skip(1).collect();
    let done = match what.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => files().await,
        ["schemas"] => schemas().await,
        ["snapshots"] => snapshots(),
        _ => Err(anyhow::anyhow!("takes nothing, `schemas` or `snapshots`")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("generate: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn files() -> Result<()> {
    // The chart's own version first, because files that are generated from the chart contain it.
    let mut written = version::write()?;
    written.extend(generated::write().await?);
    written.extend(reference::write()?);
    written.extend(figures::write()?);
    written.dedup();
    for path in written {
        say(&path);
    }
    Ok(())
}

fn say(path: &Path) {
    println!("{}", path.strip_prefix(workspace::root()).unwrap_or(path).display());
}

async fn schemas() -> Result<()> {
    let plane = ControlPlane::start().await?;
    for (name, text) in schemas::generate(&plane.client().await?).await? {
        let path = schemas::folder().join(name);
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        say(&path);
    }
    Ok(())
}

fn snapshots() -> Result<()> {
    let helm_unittest = assets::helm_unittest()?;
    let status = Command::new(helm_unittest)
        .arg("--update-snapshot")
        .arg(chart::folder())
        .status();
    match status {
        Ok(status) => ensure!(status.success(), "helm-unittest ended with {status}"),
        Err(error) => bail!("cannot run {}: {error}", helm_unittest.display()),
    }
    Ok(())
}
