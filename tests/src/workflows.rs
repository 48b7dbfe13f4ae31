//! Checks GitHub workflows: their syntax, known security problems, and this project's own rules.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::assets;

/// GitHub's folder below the root of the repository.
pub const FOLDER: &str = ".github";

/// In that folder: the versions that Dependabot keeps up to date.
const UPDATES: &str = "dependabot.yml";

/// A complaint for each problem in the `workflows` of this folder, and in its Dependabot file if there is one.
///
/// # Errors
/// If a file cannot be read, or a checker is unavailable.
pub fn complaints(of_github: &Path) -> Result<Vec<String>> {
    let folder = of_github.join("workflows");
    let mut files = fs::read_dir(&folder)
        .with_context(|| format!("cannot read {}", folder.display()))?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<Vec<_>>>()?;
    files.retain(|file| {
        let extension = file.extension().and_then(|extension| extension.to_str());
        matches!(extension, Some("yaml" | "yml"))
    });
    files.sort();
    if files.is_empty() {
        return Ok(vec![format!(
            "{}: found no workflow, expected files that end in .yaml. Name the folder with the workflows.",
            folder.display()
        )]);
    }
    let mut complaints = ours(&files)?;
    // Without shellcheck and pyflakes, because their versions would depend on this computer.
    let actionlint = ["-no-color", "-shellcheck=", "-pyflakes="];
    complaints.extend(said(assets::actionlint()?, &actionlint, &files)?);
    // Without requests to GitHub, so that the result is the same everywhere.
    let zizmor = [
        "--offline",
        "--no-progress",
        "--quiet",
        "--color=never",
        "--persona=pedantic",
        "--format=plain",
    ];
    files.extend(Some(of_github.join(UPDATES)).filter(|updates| updates.exists()));
    complaints.extend(said(assets::zizmor()?, &zizmor, &files)?);
    Ok(complaints)
}

/// The output of a checker that does not succeed.
fn said(program: &Path, arguments: &[&str], files: &[PathBuf]) -> Result<Option<String>> {
    let done = Command::new(program).args(arguments).args(files).output();
    let done = done.with_context(|| format!("cannot run {}", program.display()))?;
    if done.status.success() {
        return Ok(None);
    }
    let said = [done.stdout, done.stderr].concat();
    Ok(Some(String::from_utf8_lossy(&said).trim().to_owned()))
}

/// Rules that neither checker has.
fn ours(files: &[PathBuf]) -> Result<Vec<String>> {
    let mut complaints = vec![];
    let mut pins = BTreeMap::<String, (String, String)>::new();
    for file in files {
        let name = file.file_name().unwrap_or_default().display().to_string();
        let text = fs::read_to_string(file).with_context(|| format!("cannot read {name}"))?;
        let workflow: Value = serde_yaml::from_str(&text).with_context(|| format!("{name} is no YAML"))?;
        if workflow["permissions"]
            .as_object()
            .is_none_or(|rights| !rights.is_empty())
        {
            complaints.push(format!(
                "{name}: permissions: found {}, expected {{}}. Give each job the rights that it needs, and the workflow none.",
                workflow["permissions"]
            ));
        }
        if workflow["concurrency"]["group"].is_null() {
            complaints.push(format!(
                "{name}: concurrency: found no group, expected one. Say which runs wait for each other or end each other."
            ));
        }
        for (job, fields) in workflow["jobs"].as_object().into_iter().flatten() {
            if !fields["timeout-minutes"].is_u64() {
                complaints.push(format!(
                    "{name}: jobs.{job}.timeout-minutes: found {}, expected a number. Say after how many minutes it hangs.",
                    fields["timeout-minutes"]
                ));
            }
        }
        for line in text.lines() {
            let Some((_, used)) = line.split_once("uses: ") else {
                continue;
            };
            complaints.extend(pin(&name, used, &mut pins));
        }
    }
    Ok(complaints)
}

/// Problems in the reference to an action: one digest everywhere, with its version.
fn pin(file: &str, used: &str, pins: &mut BTreeMap<String, (String, String)>) -> Option<String> {
    let named = used.split_once('@').and_then(|(action, rest)| {
        let (digest, version) = rest.split_once(" # ")?;
        let is_digest = digest.len() == 40 && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
        (is_digest && version.starts_with('v')).then_some((action, digest, version))
    });
    let Some((action, digest, version)) = named else {
        return Some(format!(
            "{file}: uses: found {used:?}, expected `OWNER/ACTION@DIGEST # vVERSION`. Name the commit of the version, with 40 digits."
        ));
    };
    // Parts of one repository, such as actions/cache/save, have one commit.
    let repository = action.split('/').take(2).collect::<Vec<_>>().join("/");
    let this = (digest.to_owned(), version.trim().to_owned());
    let first = pins.entry(repository.clone()).or_insert_with(|| this.clone());
    (*first != this).then(|| {
        format!(
            "{file}: uses: found {repository} {} at {}, expected {} at {} as in another workflow. Use one version everywhere.",
            this.1, this.0, first.1, first.0
        )
    })
}
