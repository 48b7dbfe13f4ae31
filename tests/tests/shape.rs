//! The programs follow the rules of `tests/src/shape/rules.rs`, and `make lint` fails if they do not.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use tests::process::Directory;
use tests::shape::Sources;
use tests::workspace;

const CRATES: [&str; 3] = ["crds", "operator", "signer"];

/// A copy of the sources and manifests, for changes that break rules.
fn copy() -> Result<Directory> {
    let copy = Directory::new()?;
    let sources = Sources::read(workspace::root(), &CRATES)?;
    let manifests = CRATES.iter().chain(&["tests"]).map(|name| format!("{name}/Cargo.toml"));
    let manifests = manifests.chain(["Cargo.toml".to_owned()]);
    let manifests = manifests.map(|path| Ok((path.clone(), fs::read_to_string(workspace::root().join(path))?)));
    let mut files = manifests.collect::<Result<Vec<_>>>()?;
    files.extend(sources.files().map(|(path, text)| (path.to_owned(), text.to_owned())));
    files.push(("tests/src/lib.rs".to_owned(), String::new()));
    for (path, text) in files {
        write(&copy.path().join(path), &text)?;
    }
    Ok(copy)
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::create_dir_all(path.parent().context("a file lies in a folder")?)?;
    Ok(fs::write(path, text)?)
}

/// Whether the check succeeds, and its output.
fn check(root: &Path) -> Result<(bool, String)> {
    let output = Command::new(env!("CARGO_BIN_EXE_shape"))
        .arg("--root")
        .arg(root)
        .output()?;
    let said = String::from_utf8(output.stdout)? + &String::from_utf8(output.stderr)?;
    Ok((output.status.success(), said))
}

/// The output of the check with these lines added to the files.
fn planted(findings: usize, plants: &[(&str, &str)]) -> Result<String> {
    let copy = copy()?;
    for (file, lines) in plants {
        let path = copy.path().join(file);
        let text = fs::read_to_string(&path).unwrap_or_default();
        write(&path, &format!("{text}\n{lines}\n"))?;
    }
    let (is_content, said) = check(copy.path())?;
    ensure!(!is_content, "nothing is found: {said}");
    ensure!(
        said.contains(&format!("shape: {findings} found")),
        "expected {findings}: {said}"
    );
    Ok(said)
}

fn says(said: &str, words: &[&str]) {
    for words in words {
        assert!(said.contains(words), "expected “{words}” in\n{said}");
    }
}

#[test]
fn the_programs_have_the_shape_that_the_table_says() -> Result<()> {
    let (is_content, said) = check(workspace::root())?;
    assert!(is_content, "{said}");
    Ok(())
}

#[test]
fn a_circle_of_modules_is_found() -> Result<()> {
    let said = planted(
        1,
        &[
            ("crds/src/lib.rs", "mod planted;"),
            (
                "crds/src/planted/mod.rs",
                "mod child; pub use child::Toy; pub struct Box;",
            ),
            ("crds/src/planted/child.rs", "pub struct Toy(super::Box);"),
        ],
    )?;
    says(
        &said,
        &[
            "a circle of 2 modules:",
            "crds/src/planted/mod.rs:2 names child::Toy (crds/src/planted/child.rs)",
            "crds/src/planted/child.rs:2 names super::Box (crds/src/planted/mod.rs)",
            "do: ",
        ],
    );
    Ok(())
}

#[test]
fn a_step_that_names_another_is_found() -> Result<()> {
    // Through a name that another module has given it.
    let said = planted(
        1,
        &[(
            "operator/src/controller/status/mod.rs",
            "mod planted { use crate::controller as steps; fn plan() { let _ = steps::plan::plan; } }",
        )],
    )?;
    says(
        &said,
        &[
            "names steps::plan::plan (operator/src/controller/plan.rs)",
            "operator::controller::status does not name operator::controller::plan",
        ],
    );
    Ok(())
}

#[test]
fn a_step_that_names_the_cluster_is_found() -> Result<()> {
    let said = planted(
        1,
        &[("operator/src/controller/plan.rs", "use crate::cluster as planted;")],
    )?;
    says(
        &said,
        &[
            "names crate::cluster (operator/src/cluster/mod.rs)",
            "only these name operator::cluster: operator::controller::observe (reads)",
        ],
    );
    Ok(())
}

#[test]
fn a_ring_of_the_signer_that_names_an_outer_one_is_found() -> Result<()> {
    // It is a circle as well.
    let said = planted(
        2,
        &[(
            "signer/src/protocol/hash.rs",
            "fn planted() { tracing::info!(\"{}\", crate::policy::planted()) }",
        )],
    )?;
    says(
        &said,
        &[
            "names crate::policy::planted (signer/src/policy/mod.rs)",
            "signer::protocol is a ring within signer::policy and does not name it",
        ],
    );
    Ok(())
}

#[test]
fn a_key_service_that_is_named_beside_the_one_list_is_found() -> Result<()> {
    let said = planted(
        1,
        &[("signer/src/serve/mod.rs", "use crate::backend::gcp::VENDOR as planted;")],
    )?;
    says(
        &said,
        &[
            "only these name the folder of a key service: signer::backend (VENDORS, the one list of them)",
            "names crate::backend::gcp::VENDOR (signer/src/backend/gcp/",
        ],
    );
    Ok(())
}

#[test]
fn a_dependency_of_the_signer_on_the_operators_types_is_found() -> Result<()> {
    let said = planted(1, &[("signer/src/net.rs", "fn planted(_: crds::Policy) {}")])?;
    says(
        &said,
        &[
            "names crds::Policy (crds/src/lib.rs)",
            "signer depends on no crate of this repository, not on crds",
        ],
    );
    let said = planted(
        1,
        &[(
            "crds/Cargo.toml",
            "[target.'cfg(unix)'.dependencies]\nsigner.workspace = true",
        )],
    )?;
    says(
        &said,
        &["crds/Cargo.toml: has the dependency signer: crds depends on no crate of this repository, not on signer"],
    );
    Ok(())
}
