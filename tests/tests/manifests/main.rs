//! Manifests with an empty key, as templates of kustomize and Helm produce them. Each tool that applies manifests is
//! tested with each key into which the operator writes: absent, null and empty.

mod cell;
mod empty;
mod from_kubernetes_1_36;
mod key;
mod tool;

use anyhow::{Result, bail};
use futures::StreamExt;

use cell::Cell;
use key::{Form, Key};
use tool::Tool;

/// Runs all of them, prints a table, and fails with the unexpected ones.
async fn run(cells: impl IntoIterator<Item = Cell>) -> Result<()> {
    cell::prepare().await?;
    let outcomes = futures::stream::iter(cells).map(async |cell| (cell, cell.outcome().await));
    let outcomes: Vec<_> = outcomes.buffer_unordered(6).collect().await;
    let mut wrong: Vec<_> = outcomes
        .iter()
        .filter_map(|(cell, outcome)| Some(format!("{cell:?}: {:#}", outcome.as_ref().err()?)))
        .collect();
    wrong.sort();
    println!(
        "{} of {} cells are as expected",
        outcomes.len() - wrong.len(),
        outcomes.len()
    );
    if !wrong.is_empty() {
        bail!("{}", wrong.join("\n"));
    }
    Ok(())
}

/// Whether this tool deletes the fields under a key that is null in its manifest.
fn deletes_by_null(tool: Tool, form: Form) -> bool {
    form == Form::Null && tool.computes_a_patch()
}

/// All cells except the ones of `deletes_by_null`, or only those.
fn cells(by_null: bool) -> Vec<Cell> {
    let all = Tool::ALL.into_iter().flat_map(|tool| {
        let keys = Key::ALL
            .into_iter()
            .flat_map(|key| [(Some(key), Form::Null), (Some(key), Form::Empty)]);
        std::iter::once((None, Form::Absent))
            .chain(keys)
            .map(move |(key, form)| Cell { tool, key, form })
    });
    all.filter(|cell| deletes_by_null(cell.tool, cell.form) == by_null)
        .collect()
}

#[tokio::test]
async fn no_tool_and_no_empty_key_stands_in_the_way() -> Result<()> {
    run(cells(false)).await
}
