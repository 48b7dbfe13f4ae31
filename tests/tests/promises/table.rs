//! Tests every promise with every backend, and prints a table.

use anyhow::{Result, ensure};
use futures::{StreamExt, stream};
use tests::key_services::{ALL, Start};

use crate::{PROMISES, Promise};

/// Number of concurrent signers and services. Each uses a processor only for moments.
const AT_ONCE: usize = 6;

struct Kept {
    backend: usize,
    promise: usize,
    result: Result<()>,
}

async fn keep(start: Start, promise: &Promise) -> Result<()> {
    let service = start().await?;
    (promise.is_kept)(&*service).await
}

/// # Errors
/// If a promise is not kept. Names all such promises.
pub async fn all() -> Result<()> {
    let cases = ALL.iter().enumerate().flat_map(|(backend, (_, start))| {
        let promises = PROMISES.iter().enumerate();
        promises.map(move |(number, promise)| (backend, *start, number, promise))
    });
    let found: Vec<Kept> = stream::iter(cases)
        .map(|(backend, start, number, promise)| async move {
            Kept {
                backend,
                promise: number,
                result: keep(start, promise).await,
            }
        })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let names: Vec<_> = ALL.iter().map(|(name, _)| *name).collect();
    println!(
        "| promise | {} |\n|---|{}",
        names.join(" | "),
        "---|".repeat(names.len())
    );
    for (number, promise) in PROMISES.iter().enumerate() {
        let cell = |backend| {
            let kept = found
                .iter()
                .find(|kept| (kept.backend, kept.promise) == (backend, number));
            if kept.is_some_and(|kept| kept.result.is_ok()) {
                "kept"
            } else {
                "broken"
            }
        };
        let cells: Vec<_> = (0..names.len()).map(cell).collect();
        println!("| {} | {} |", promise.text, cells.join(" | "));
    }
    let broken: Vec<_> = found
        .iter()
        .filter_map(|kept| {
            let error = kept.result.as_ref().err()?;
            Some(format!(
                "{}: {}: {error:#}",
                names[kept.backend], PROMISES[kept.promise].text
            ))
        })
        .collect();
    ensure!(broken.is_empty(), "{}", broken.join("\n\n"));
    Ok(())
}
