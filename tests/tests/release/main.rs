//! The commands of the page "Verify what you run" accept a published release, and refuse files and images of other
//! origin. A key and a registry of this test stand in for Sigstore and ghcr.io.

mod broken;
mod published;
mod reader;
mod workflows;

use std::fs;

use anyhow::{Context, Result, ensure};
use tests::docs::Page;
use tests::docs::shell::Kind;
use tests::workspace;

use broken::Broken;
use published::Published;
use reader::Reader;

const PAGE: &str = "docs/src/operations/verify.md";

/// The blocks that need a release: the first one sets it, the others verify it.
fn blocks() -> Result<(String, Vec<String>)> {
    let page = Page::read(PAGE)?;
    let mut blocks = page.blocks.iter().filter(|block| block.kind() == Some(Kind::Release));
    let settings = blocks.next().context("the page has no commands for a release")?.text();
    Ok((settings, blocks.map(tests::docs::Block::text).collect()))
}

#[tokio::test]
async fn what_is_published_passes_every_check_of_the_page() -> Result<()> {
    let published = Published::new().await?;
    let (settings, checks) = blocks()?;
    let names: Vec<_> = settings
        .lines()
        .filter_map(|line| Some(line.split_once('=')?.0))
        .collect();
    assert_eq!(names, ["VERSION", "REGISTRY", "IDENTITY", "ISSUER"]);
    ensure!(checks.len() > 4, "the page checks less than what is published");

    // A stopped run is started again.
    published.publish().await?;
    let reader = Reader::new(&published, published.key())?;
    let mut said = String::new();
    for check in &checks {
        said.push_str(&reader.types(check).await?);
    }
    for expected in ["Verified OK", "install.yaml: OK", "signer-operator-0.1.0.tgz: OK"] {
        let expected = expected.replace("0.1.0", env!("CARGO_PKG_VERSION"));
        assert!(said.contains(&expected), "no {expected:?} in {said}");
    }
    // By the names in the files that people install.
    for image in ["operator", "signer"] {
        let digest = published.digest(image)?;
        assert!(said.contains(&digest), "no {digest} in {said}");
        let bill = fs::read_to_string(reader.folder().join(format!("{image}.cdx.json")))?;
        assert!(bill.contains("CycloneDX"), "{bill}");
    }
    let commit = tests::process::printed(
        tokio::process::Command::new("git")
            .args(["rev-parse", "HEAD"])
            .current_dir(workspace::root()),
        "git rev-parse",
    )
    .await?;
    // Of both images and the chart, each attested once more by the second run.
    assert_eq!(said.matches(commit.trim()).count(), 6, "{said}");
    Ok(())
}

#[tokio::test]
async fn what_somebody_else_has_made_is_refused_by_every_check() -> Result<()> {
    let published = Published::new().await?;
    let (_, checks) = blocks()?;

    // Signed with another key.
    let stranger = Reader::new(&published, &published.another_key().await?)?;
    for check in checks.iter().filter(|check| check.contains("cosign verify")) {
        let refusal = stranger.is_refused(check).await?;
        assert!(!refusal.contains("command not found"), "{refusal}");
    }

    // Another image under the same tag, and other files under the same names.
    published.move_the_tag().await?;
    let refusal = format!("{:#}", published.publish().await.unwrap_err());
    assert!(refusal.contains("Release this as another version"), "{refusal}");
    published.change_a_file()?;
    let reader = Reader::new(&published, published.key())?;
    let refusal = reader.is_refused(&checks[0]).await?;
    assert!(refusal.contains("no signatures found"), "{refusal}");
    for (check, names) in checks
        .iter()
        .zip(1..)
        .filter(|(check, _)| check.contains("install.yaml") || check.contains("sha256sum"))
    {
        let refusal = reader.is_refused(check).await?;
        assert!(
            refusal.contains("install.yaml") || refusal.contains("digest"),
            "check {names}: {refusal}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn nothing_is_published_of_a_folder_that_was_changed_after_the_build() -> Result<()> {
    let built = published::build().await?;
    let manifest = built.path().join("install.yaml");
    fs::write(&manifest, fs::read_to_string(&manifest)? + "\n# by hand\n")?;
    // There is no such registry, and no request is sent to it.
    let refusal = published::publish(built.path(), "localhost:1/attocash/signer-operator", "--yes")
        .await
        .unwrap_err();
    let refusal = format!("{refusal:#}");
    assert!(
        refusal.contains("a file is another one than SHA256SUMS says"),
        "{refusal}"
    );
    Ok(())
}

#[tokio::test]
async fn nothing_is_pushed_to_a_registry_that_does_not_say_whether_the_version_exists() -> Result<()> {
    let built = published::build().await?;
    let registry = Broken::start()?;
    let refusal = published::publish(built.path(), &registry.repository(), "--yes").await;
    let refusal = format!("{:#}", refusal.unwrap_err());
    assert!(
        refusal.contains("expected its digest or that there is no such tag"),
        "{refusal}"
    );
    assert_eq!(registry.writes(), 0);
    Ok(())
}

#[tokio::test]
async fn a_release_without_a_bill_of_materials_is_not_signed() -> Result<()> {
    let published = Published::new().await?;
    let refusal = published.without_a_bill().await?;
    assert!(
        refusal.contains("expected the bill of materials of the image"),
        "{refusal}"
    );
    Ok(())
}

#[tokio::test]
async fn a_release_that_nobody_can_read_without_a_login_is_not_announced() -> Result<()> {
    let published = Published::new().await?;
    let said = published.readable(&published.repository).await?;
    let digest = published.digest("operator")?;
    assert!(said.contains(&digest), "no {digest} in {said}");
    let private = Broken::start()?;
    let refusal = format!("{:#}", published.readable(&private.repository()).await.unwrap_err());
    assert!(refusal.contains("Make the package public"), "{refusal}");
    Ok(())
}

#[tokio::test]
async fn two_builds_of_the_same_sources_are_the_same_bytes() -> Result<()> {
    let (one, two) = (published::build().await?, published::build().await?);
    let sums = |folder: &tests::process::Directory| fs::read_to_string(folder.path().join("SHA256SUMS"));
    assert_eq!(sums(&one)?, sums(&two)?);
    // The published manifest equals the one that people would render themselves, except for the digests.
    let manifest = fs::read_to_string(one.path().join("install.yaml"))?;
    let chart = one
        .path()
        .join(format!("signer-operator-{}.tgz", env!("CARGO_PKG_VERSION")));
    let rendered = tests::helm::helm(&[
        "template",
        "signer-operator",
        &chart.display().to_string(),
        "--namespace=signer-operator",
        "--skip-tests",
    ])
    .await?;
    let images = |text: &str| {
        let lines = text
            .lines()
            .filter(|line| line.contains("@sha256:") && !line.contains("self.matches"));
        lines.map(|line| line.trim().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(images(&manifest), images(&rendered));
    assert!(images(&manifest).len() >= 3, "{:?}", images(&manifest));
    Ok(())
}
