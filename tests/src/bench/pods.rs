//! With real pods: the time until an operator and a voter run, and the time and memory that a signer adds to its pod.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::memory::mebibytes;
use super::{median, milliseconds, row, table};
use crate::e2e;
use crate::images::{self, Additions, Image};
use crate::process::Directory;

/// Measures and prints the table.
pub async fn pods() -> Result<()> {
    println!("real pods: static programs in their images, KMS stood in for by a pod, a voter with 20 votes a second\n");
    let sizes = sizes()?;
    let e2e::Figures {
        install,
        binding,
        without,
        with,
        memory,
    } = e2e::figures().await?;
    let mut rows = vec![
        row(["pods", "measured", "aim"]),
        row([
            "helm install to an operator that is Ready",
            &milliseconds(install),
            "15000 ms",
        ]),
        row([
            "a binding to its voter that is Ready",
            &milliseconds(binding),
            "15000 ms",
        ]),
        row([
            "a pod to its node, without a signer",
            &milliseconds(median(&without)),
            "",
        ]),
        row(["  with one", &milliseconds(median(&with)), ""]),
        row([
            "  what it adds",
            &milliseconds(median(&with) - median(&without)),
            "under 500 ms",
        ]),
        row(["memory of the signer's container", &mebibytes(memory), ""]),
    ];
    rows.extend(sizes);
    table::print(&rows);
    Ok(())
}

/// The sizes of the pulled images, if there are static programs for images.
fn sizes() -> Result<Vec<Vec<String>>> {
    let Some(folder) = std::env::var_os("E2E_PROGRAMS").filter(|folder| !folder.is_empty()) else {
        return Ok(vec![]);
    };
    let out = Directory::new()?;
    ["operator", "signer"]
        .into_iter()
        .map(|name| {
            let program = Path::new(&folder).join(name);
            fs::metadata(&program).with_context(|| format!("cannot read {}", program.display()))?;
            let image = Image {
                name: name.to_owned(),
                reference: format!("localhost/{name}:bench"),
                description: String::new(),
                version: "bench".to_owned(),
                revision: String::new(),
                epoch: 0,
                programs: vec![("amd64".to_owned(), program)],
                compressed: true,
                additions: Additions::default(),
            };
            let packed = images::pack(&image, out.path())?;
            let bytes = packed.sizes.iter().map(|(_, size)| size).sum();
            Ok(row([&format!("image {name}"), &mebibytes(bytes), "15 MiB"]))
        })
        .collect()
}
