//! Every file under `examples/` does what it says at a real API server.

use std::fs;
use std::path::PathBuf;

use anyhow::{Result, ensure};
use tests::{ControlPlane, chart, workspace};
use tokio::sync::OnceCell;

async fn cluster() -> Result<&'static ControlPlane> {
    static INSTALLED: OnceCell<()> = OnceCell::const_new();
    let plane = ControlPlane::shared().await?;
    INSTALLED
        .get_or_try_init(async || chart::install(plane.admin(), &[]).await.map(drop))
        .await?;
    Ok(plane)
}

/// The files of a folder in the order in which `kubectl apply -f FOLDER` takes them.
fn files(folder: &str) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(workspace::root().join("examples").join(folder))?;
    let mut files = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    files.sort();
    ensure!(!files.is_empty(), "examples/{folder} is empty");
    Ok(files)
}

#[tokio::test]
async fn the_quickstart_is_accepted_and_its_wrong_binding_is_refused() -> Result<()> {
    let admin = cluster().await?.admin();
    for file in files("quickstart")? {
        let path = file.display().to_string();
        let answer = admin.kubectl(&["apply", "-f", &path]).await?;
        if path.ends_with("wrong-signerbinding.yaml") {
            assert!(!answer.succeeded, "the wrong binding was accepted");
            for expected in [
                "must be the full resource ID of a key version",
                "name the container of the node",
            ] {
                assert!(answer.stderr.contains(expected), "{}", answer.stderr);
            }
        } else {
            assert!(answer.succeeded, "{path}: {}", answer.stderr);
            assert!(!answer.stderr.contains("Warning"), "{path}: {}", answer.stderr);
        }
    }
    Ok(())
}

#[tokio::test]
async fn the_voter_with_google_cloud_kms_is_accepted() -> Result<()> {
    let plane = cluster().await?;
    let namespace = plane.namespace("google").await?;
    for file in files("google-cloud-kms")? {
        let path = file.display().to_string();
        plane
            .admin()
            .kubectl_ok(&["apply", "-n", &namespace, "-f", &path])
            .await?;
    }
    Ok(())
}

#[test]
fn no_folder_of_examples_is_left_out() -> Result<()> {
    let mut folders = fs::read_dir(workspace::root().join("examples"))?
        .map(|entry| Ok(entry?.file_name().into_string().unwrap_or_default()))
        .collect::<Result<Vec<_>>>()?;
    folders.sort();
    assert_eq!(folders, ["google-cloud-kms", "quickstart"]);
    Ok(())
}
