//! Every command block of a page works as the page describes: the test runs the blocks unchanged, page by page, against
//! a real API server with its controllers. The test acts as the Kubernetes nodes, see [`machines`].

mod machines;
mod page;
mod person;
mod printed;
mod stand_in;
mod transcript;

use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tests::docs::shell::Kind;
use tests::docs::{self, Page};
use tests::{ControlPlane, chart};

macro_rules! pages {
    ($($name:ident = $path:literal,)+) => {
        /// `make unit` runs the tests of this module in parallel with others, because they take long and mostly wait.
        mod pages {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() -> anyhow::Result<()> {
                    super::page::run($path).await
                }
            )+
        }

        const RUN: &[&str] = &[$($path),+];
    };
}

pages! {
    readme = "README.md",
    chart = "charts/signer-operator/README.md",
    aws_kms = "docs/src/how-to/aws-kms.md",
    change_the_key = "docs/src/how-to/change-the-key.md",
    gitops = "docs/src/how-to/gitops.md",
    google_federation = "docs/src/how-to/google-federation.md",
    google_identity = "docs/src/how-to/google-identity.md",
    key_in_the_node = "docs/src/how-to/key-in-the-node.md",
    manual_rollout = "docs/src/how-to/manual-rollout.md",
    migrate_from_the_sidecar = "docs/src/how-to/migrate-from-the-sidecar.md",
    network_policies = "docs/src/how-to/network-policies.md",
    recover = "docs/src/how-to/recover.md",
    remove = "docs/src/how-to/remove.md",
    rotate_the_token = "docs/src/how-to/rotate-the-token.md",
    several_voters = "docs/src/how-to/several-voters.md",
    vault = "docs/src/how-to/vault.md",
    alerts = "docs/src/operations/alerts.md",
    install = "docs/src/operations/install.md",
    runbook = "docs/src/operations/runbook.md",
    running = "docs/src/operations/running.md",
    troubleshooting = "docs/src/operations/troubleshooting.md",
    uninstall = "docs/src/operations/uninstall.md",
    upgrade = "docs/src/operations/upgrade.md",
    verify = "docs/src/operations/verify.md",
    tutorial = "docs/src/tutorial.md",
}

/// Pages that follow each other, in this order. No page may need an object that an earlier page has removed.
mod paths {
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn from_the_tutorial_to_the_end_of_a_voter() -> anyhow::Result<()> {
        super::page::run_all(&[
            "docs/src/tutorial.md",
            "docs/src/how-to/manual-rollout.md",
            "docs/src/how-to/rotate-the-token.md",
            "docs/src/how-to/several-voters.md",
            "docs/src/operations/runbook.md",
            "docs/src/operations/upgrade.md",
            "docs/src/how-to/recover.md",
            "docs/src/how-to/remove.md",
        ])
        .await
    }
}

fn is_run(page: &Page) -> bool {
    page.blocks.iter().any(|block| block.kind() == Some(Kind::Anywhere))
}

#[test]
fn no_page_is_left_out() -> Result<()> {
    let pages = docs::pages()?;
    let mut run = RUN.to_vec();
    run.sort_unstable();
    let found: Vec<_> = pages
        .values()
        .filter(|page| is_run(page))
        .map(|page| page.path.as_str())
        .collect();
    assert_eq!(
        run, found,
        "every page with a block `sh` needs a line in pages! of tests/tests/docs_commands/main.rs"
    );
    Ok(())
}

#[test]
fn every_block_says_where_it_can_be_run_and_is_shell() -> Result<()> {
    let mut complaints = vec![];
    for page in docs::pages()?.values() {
        let mut before = None;
        for block in &page.blocks {
            let complaint = match block.complaint() {
                None => transcript::complaint(before, block).or(page::syntax_error(block)?),
                found => found,
            };
            complaints.extend(complaint.map(|complaint| format!("{}:{}: {complaint}", page.path, block.line)));
            before = Some(block);
        }
    }
    ensure!(complaints.is_empty(), "{}", complaints.join("\n"));
    Ok(())
}

/// The YAML blocks with whole SignerBindings for people to copy.
#[tokio::test]
async fn every_binding_that_a_page_shows_is_taken_by_the_api_server() -> Result<()> {
    let plane = ControlPlane::shared().await?;
    chart::install(plane.admin(), &[]).await?;
    let namespace = plane.namespace("pages").await?;
    let mut taken = 0;
    for page in docs::pages()?.values() {
        for block in page.blocks.iter().filter(|block| block.info == "yaml") {
            let text = block.text().replace("PROJECT", "my-project").replace('…', "");
            let mut object: Value =
                serde_yaml::from_str(&text).with_context(|| format!("{}:{}", page.path, block.line))?;
            if object["kind"] != "SignerBinding" {
                continue;
            }
            object["metadata"]["namespace"] = namespace.as_str().into();
            let apply = ["apply", "--dry-run=server", "-f", "-"];
            let answer = plane
                .admin()
                .kubectl_in(Path::new("."), &apply, &object.to_string())
                .await?;
            ensure!(answer.succeeded, "{}:{}: {}", page.path, block.line, answer.stderr);
            taken += 1;
        }
    }
    ensure!(taken > 0, "no page shows a binding any more");
    Ok(())
}
