//! Runs one page, from its prerequisites to its last command.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use tests::docs::labels::{Labels, is_about_the_operator};
use tests::docs::{Block, Page};
use tests::{ControlPlane, chart};
use tokio::sync::Semaphore;

use crate::machines::Machines;
use crate::person::Person;

const TUTORIAL: &str = "docs/src/tutorial.md";
const ALERTS: &str = "docs/src/operations/alerts.md";
const GOOGLE_CLOUD: &str = "docs/src/how-to/google-identity.md";

/// A control plane uses most of a processor core while it serves requests.
static PLACES: Semaphore = Semaphore::const_new(2);

/// The prerequisites of a page.
enum Start {
    EmptyCluster,
    InstalledOperator,
    VoterOfTheTutorial,
    VoterInGoogleCloud,
}

impl Start {
    /// A line of the page names them, for readers or, in a comment, only for this test.
    fn of(page: &Page) -> Result<Self> {
        let said: Vec<_> = page
            .text
            .lines()
            .filter_map(|line| {
                let shown = line.strip_prefix("<!-- ").and_then(|line| line.strip_suffix(" -->"));
                shown.unwrap_or(line).strip_prefix("Starts from: ")
            })
            .collect();
        match said[..] {
            ["an empty cluster."] => Ok(Self::EmptyCluster),
            ["an installed operator."] => Ok(Self::InstalledOperator),
            ["the voter of the tutorial."] => Ok(Self::VoterOfTheTutorial),
            ["the voter in Google Cloud."] => Ok(Self::VoterInGoogleCloud),
            // People read these pages before they install anything.
            [] if !page.is_of_the_site() => Ok(Self::EmptyCluster),
            _ => bail!(
                "{}: found {said:?}, expected one line or comment `Starts from: an empty cluster.`, `Starts from: an installed \
                 operator.`, `Starts from: the voter of the tutorial.` or `Starts from: the voter in Google Cloud.`",
                page.path
            ),
        }
    }

    /// Runs the commands that create these prerequisites.
    async fn reach(&self, person: &Person, minor: u32) -> Result<()> {
        let tutorial = Page::read(TUTORIAL)?;
        let blocks = run_blocks(&tutorial, minor);
        let first = blocks.first().context("the tutorial has no commands")?;
        match self {
            Self::EmptyCluster => Ok(()),
            Self::InstalledOperator => person.types(&tutorial, &[*first]).await,
            Self::VoterOfTheTutorial => person.types(&tutorial, &blocks).await,
            Self::VoterInGoogleCloud => {
                person.types(&tutorial, &[*first]).await?;
                let page = Page::read(GOOGLE_CLOUD)?;
                person.types(&page, &run_blocks(&page, minor)).await
            }
        }
    }
}

pub async fn run(path: &str) -> Result<()> {
    run_all(&[path]).await
}

/// Creates the prerequisites of the first page, then runs one page after the other in one cluster, as a reader would.
pub async fn run_all(paths: &[&str]) -> Result<()> {
    let _place = PLACES.acquire().await?;
    let pages = paths.iter().map(|path| Page::read(path)).collect::<Result<Vec<_>>>()?;
    let start = Start::of(pages.first().context("no page")?)?;
    let plane = ControlPlane::start().await?;
    let minor = plane.minor().await?;
    let person = Person::new(&plane)?;
    let mut machines = Machines::of(&plane).await?;
    tokio::select! {
        done = follow(&person, &pages, &start, minor) => done,
        failed = machines.play() => match failed.context("the operator that the page has installed")? {},
    }
}

async fn follow(person: &Person, pages: &[Page], start: &Start, minor: u32) -> Result<()> {
    start.reach(person, minor).await?;
    for page in pages {
        let blocks = run_blocks(page, minor);
        if page.path == ALERTS {
            let filled: Vec<_> = blocks.iter().map(|block| filled(page, block)).collect();
            person.types(page, &filled.iter().collect::<Vec<_>>()).await?;
        } else {
            person.types(page, &blocks).await?;
        }
    }
    Ok(())
}

/// Fills a block with the labels of an alert about the tutorial's voter, or about the operator.
fn filled(page: &Page, block: &Block) -> Block {
    let labels = if is_about_the_operator(page, block) {
        Labels::of_the_operator(chart::NAMESPACE)
    } else {
        Labels::of_the_voter("atto", "voter", "atto-voter")
    };
    let mut filled = block.clone();
    for line in &mut filled.lines {
        line.text = labels.fill(&line.text);
    }
    filled
}

/// The blocks for this version of Kubernetes.
fn run_blocks(page: &Page, minor: u32) -> Vec<&Block> {
    page.blocks.iter().filter(|block| block.is_run_on(minor)).collect()
}

/// The syntax error that bash finds in a block, without running it.
pub fn syntax_error(block: &Block) -> Result<Option<String>> {
    if block.kind().is_none() {
        return Ok(None);
    }
    let mut bash = Command::new("bash");
    bash.args(["-n", "-c", &block.text()]).stdin(Stdio::null());
    let output = bash.output().context("cannot run bash")?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    Ok((!output.status.success()).then_some(said))
}
