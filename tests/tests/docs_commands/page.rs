//! One page, from what it starts from to its last command.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use tests::ControlPlane;
use tests::docs::{Block, Page};
use tokio::sync::Semaphore;

use crate::machines::Machines;
use crate::person::Person;

const TUTORIAL: &str = "docs/src/tutorial.md";

/// A control plane takes most of a core while it is asked.
static PLACES: Semaphore = Semaphore::const_new(2);

/// What a page expects to be there.
enum Start {
    EmptyCluster,
    InstalledOperator,
    VoterOfTheTutorial,
}

impl Start {
    fn of(page: &Page) -> Result<Self> {
        let said: Vec<_> = page
            .text
            .lines()
            .filter_map(|line| line.strip_prefix("Starts from: "))
            .collect();
        match said[..] {
            ["an empty cluster."] => Ok(Self::EmptyCluster),
            ["an installed operator."] => Ok(Self::InstalledOperator),
            ["the voter of the tutorial."] => Ok(Self::VoterOfTheTutorial),
            // These are read before there is anything.
            [] if !page.is_of_the_site() => Ok(Self::EmptyCluster),
            _ => bail!(
                "{}: found {said:?}, expected one line `Starts from: an empty cluster.`, `Starts from: an installed operator.` or \
                 `Starts from: the voter of the tutorial.`",
                page.path
            ),
        }
    }
}

pub async fn run(path: &str) -> Result<()> {
    let _place = PLACES.acquire().await?;
    let page = Page::read(path)?;
    let start = Start::of(&page)?;
    let plane = ControlPlane::start().await?;
    let minor = plane.minor().await?;
    let person = Person::new(&plane)?;
    let mut machines = Machines::of(&plane).await?;
    tokio::select! {
        done = follow(&person, &page, &start, minor) => done,
        failed = machines.play() => match failed.context("the operator that the page has installed")? {},
    }
}

async fn follow(person: &Person, page: &Page, start: &Start, minor: u32) -> Result<()> {
    let tutorial = Page::read(TUTORIAL)?;
    let blocks = run_blocks(&tutorial, minor);
    match start {
        Start::EmptyCluster => {}
        Start::InstalledOperator => {
            let first = blocks.first().context("the tutorial has no commands")?;
            person.types(&tutorial, &[*first]).await?;
        }
        Start::VoterOfTheTutorial => person.types(&tutorial, &blocks).await?,
    }
    person.types(page, &run_blocks(page, minor)).await
}

/// Those that are for this Kubernetes.
fn run_blocks(page: &Page, minor: u32) -> Vec<&Block> {
    page.blocks.iter().filter(|block| block.is_run_on(minor)).collect()
}

/// What bash says of a block of commands, without running it.
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
