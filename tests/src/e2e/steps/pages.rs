//! Documented commands that need running pods.

use anyhow::{Result, ensure};

use super::super::Suite;
use super::super::cluster::TUTORIAL;
use super::typed;
use crate::chart;
use crate::docs::labels::{Labels, is_about_the_operator};
use crate::docs::shell::Kind;
use crate::docs::{Block, Page};

const ALERTS: &str = "docs/src/operations/alerts.md";
const CURL: &str = "docker.io/curlimages/curl:8.11.1";

/// The tutorial unchanged except for its namespace and the image with curl, and with its voter the commands of the pages about
/// alerts and removal.
pub async fn all(suite: &Suite) -> Result<()> {
    let said = run(suite, "docs/src/tutorial.md", |block| {
        // Already done.
        block.kind() == Some(Kind::Anywhere) && !block.text().contains("helm install") || is_for_pods(block)
    })
    .await?;
    for told in ["\"publicKey\":\"", "\"signature\":\"", "\n401\n", "without its signer"] {
        ensure!(
            said.contains(told),
            "the tutorial's commands did not say {told:?}:\n{said}"
        );
    }
    // No container has terminated there, so there is no previous log, and no request was refused or has failed.
    let is_asked = |block: &Block| {
        let asks_for = |what: &str| block.text().contains(what);
        is_for_pods(block) && !asks_for("--previous") && !asks_for(r#""outcome":"#)
    };
    let said = run(suite, ALERTS, is_asked).await?;
    ensure!(said.contains("signatures"), "preflight has measured none:\n{said}");
    suite.holds("the commands of the tutorial and of the alerts, with running pods");

    let binding = [
        "--namespace",
        TUTORIAL,
        "delete",
        "signerbinding",
        "voter",
        "--timeout=60s",
    ];
    suite.cluster.kubectl(&binding).await?;
    let said = run(suite, "docs/src/how-to/remove.md", |block| {
        // A running voter keeps its signer.
        is_for_pods(block) || block.text().contains("--replicas=0")
    })
    .await?;
    ensure!(
        said.contains("would be deleted"),
        "--dry-run has shown nothing:\n{said}"
    );
    ensure!(
        said.contains("The signer was removed from Deployment"),
        "the removal has not said what the page shows:\n{said}"
    );
    let containers = ["--output=jsonpath={.spec.template.spec.initContainers}"];
    let get = ["--namespace", TUTORIAL, "get", "deployment", "atto-voter"];
    let left = suite.cluster.kubectl(&[&get[..], &containers].concat()).await?;
    ensure!(left.is_empty(), "`operator remove` has left {left}");
    let delete = ["delete", "namespace", TUTORIAL, "--timeout=2m"];
    suite.cluster.kubectl(&delete).await?;
    suite.holds("`operator remove`, as on the page about removal");
    Ok(())
}

/// In the tutorial's namespace, or with the labels of an alert about the tutorial's voter or about the operator.
fn placed(page: &Page, block: &Block) -> String {
    let text = block.text();
    if page.path != ALERTS {
        return text.replace("namespace atto", &format!("namespace {TUTORIAL}"));
    }
    if is_about_the_operator(page, block) {
        Labels::of_the_operator(chart::NAMESPACE).fill(&text)
    } else {
        Labels::of_the_voter(TUTORIAL, "voter", "atto-voter").fill(&text)
    }
}

fn is_for_pods(block: &Block) -> bool {
    block.kind() == Some(Kind::Pods)
}

/// Runs these blocks of a page in one shell, and returns their output.
async fn run(suite: &Suite, path: &str, is_typed: impl Fn(&Block) -> bool) -> Result<String> {
    let page = Page::read(path)?;
    let blocks: Vec<_> = page
        .blocks
        .iter()
        .filter(|block| is_typed(block))
        .map(|block| placed(&page, block))
        .collect();
    ensure!(!blocks.is_empty(), "{path} has no commands for this");
    let script = blocks.concat();
    let script = script.replace(CURL, &suite.cluster.image("tools"));
    typed(suite, path, &script).await
}
