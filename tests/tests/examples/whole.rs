//! A folder of examples that is applied as a whole starts no node without its signer: in any order of its files, with
//! and without the guard. Once the binding reports Injected, applying the manifest without its pause also starts no such
//! node.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use tests::ControlPlane;
use tests::operated::Operated;
use tests::process::Directory;
use tests::replica_sets::ReplicaSets;

use crate::support::{Example, operated_with, shared};

/// The examples with a new voter. In `migration`, the voter already runs.
const FOLDERS: [&str; 12] = [
    "aws-kms",
    "gitops/voter",
    "google-cloud-kms",
    "google-federation",
    "google-service-account",
    "kotlin-signer",
    "manual-rollout",
    "namespaced",
    "quickstart",
    "selector",
    "token-rotation",
    "vault",
];

/// The manifests of the example, in this test's namespace even if they name another.
fn copied(example: &Example) -> Result<Directory> {
    let folder = Directory::new()?;
    for entry in fs::read_dir(example.path(""))? {
        let path = entry?.path();
        if let (true, Some(name)) = (path.is_file(), path.file_name()) {
            let text = fs::read_to_string(&path)?;
            let own = format!("namespace: {}\n", example.place.namespace);
            let text = text
                .replace("namespace: atto-quickstart\n", &own)
                .replace("namespace: atto\n", &own);
            // The test's namespace exists.
            if !text.contains("\nkind: Namespace\n") {
                fs::write(folder.path().join(name), text)?;
            }
        }
    }
    Ok(folder)
}

async fn apply(example: &Example, folder: &Path) -> Result<()> {
    let path = folder.display().to_string();
    let answer = if folder.join("kustomization.yaml").is_file() {
        let apply = ["apply", "--server-side", "--force-conflicts", "-k", &path];
        example.place.kubectl(&apply, "").await?
    } else {
        example.place.kubectl(&["apply", "-f", &path], "").await?
    };
    ensure!(answer.succeeded, "{}", answer.stderr);
    Ok(())
}

/// Removes the line `paused: true`, as every example tells people to do.
fn start_in_manifests(folder: &Path) -> Result<()> {
    let mut resumed = 0;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let text = fs::read_to_string(&path)?;
        let kept: Vec<_> = text.lines().filter(|line| *line != "  paused: true").collect();
        resumed += text.lines().count() - kept.len();
        fs::write(&path, kept.join("\n") + "\n")?;
    }
    ensure!(resumed > 0, "no Deployment is created paused");
    Ok(())
}

async fn starts_whole(operated: &'static Operated, name: &'static str) -> Result<()> {
    let example = Example::of(operated, name).await?;
    let place = &example.place;
    let sets = ReplicaSets::of(place.client.clone(), &place.namespace).await?;
    let folder = copied(&example)?;
    apply(&example, folder.path()).await?;
    // A person who has forgotten the Secret creates it, and applies the folder again.
    example.token("atto-signer-secrets-1").await?;
    apply(&example, folder.path()).await?;
    if name == "manual-rollout" {
        example.approve().await?;
    }
    example.injected().await?;
    ensure!(sets.count() == 0, "a paused Deployment has a ReplicaSet");
    start_in_manifests(folder.path())?;
    apply(&example, folder.path()).await?;
    sets.are_whole().await
}

async fn all_start_whole(operated: &'static Operated) -> Result<()> {
    for name in FOLDERS {
        starts_whole(operated, name).await.context(name)?;
    }
    Ok(())
}

#[tokio::test]
async fn with_the_guard_no_folder_starts_a_voter_without_its_signer() -> Result<()> {
    all_start_whole(shared().await?).await
}

#[tokio::test]
async fn without_the_guard_no_folder_starts_a_voter_without_its_signer() -> Result<()> {
    let plane: &'static ControlPlane = Box::leak(Box::new(ControlPlane::start().await?));
    let off = ["--set", "guard.enabled=false"];
    let operated = operated_with(plane, "kotlin-signer/helm/values.yaml", &off).await?;
    let operated: &'static Operated = Box::leak(Box::new(operated));
    all_start_whole(operated).await?;
    operated.stop()
}
