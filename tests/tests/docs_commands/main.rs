//! Every block of commands in README and site does what its page says: it is run as it stands, page by page, against a real
//! API server with its controllers. There are no machines: the test plays them (see [`machines`]).

mod machines;
mod page;
mod person;

use anyhow::{Result, ensure};
use tests::docs::shell::Kind;
use tests::docs::{self, Page};

macro_rules! pages {
    ($($name:ident = $path:literal,)+) => {
        /// By this name `make unit` runs them beside the others: they take long, and mostly wait.
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
    change_the_key = "docs/src/how-to/change-the-key.md",
    gitops = "docs/src/how-to/gitops.md",
    google_identity = "docs/src/how-to/google-identity.md",
    manual_rollout = "docs/src/how-to/manual-rollout.md",
    migrate_from_the_sidecar = "docs/src/how-to/migrate-from-the-sidecar.md",
    recover = "docs/src/how-to/recover.md",
    remove = "docs/src/how-to/remove.md",
    rotate_the_token = "docs/src/how-to/rotate-the-token.md",
    several_voters = "docs/src/how-to/several-voters.md",
    runbook = "docs/src/operations/runbook.md",
    running = "docs/src/operations/running.md",
    upgrade = "docs/src/operations/upgrade.md",
    tutorial = "docs/src/tutorial.md",
}

fn is_run(page: &Page) -> bool {
    (page.is_of_the_site() || page.path == "README.md")
        && page.blocks.iter().any(|block| block.kind() == Some(Kind::Anywhere))
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
    for page in docs::pages()?
        .values()
        .filter(|page| page.is_of_the_site() || page.path == "README.md")
    {
        for block in &page.blocks {
            let complaint = match block.complaint() {
                None => page::syntax_error(block)?,
                found => found,
            };
            complaints.extend(complaint.map(|complaint| format!("{}:{}: {complaint}", page.path, block.line)));
        }
    }
    ensure!(complaints.is_empty(), "{}", complaints.join("\n"));
    Ok(())
}
