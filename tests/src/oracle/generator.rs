//! Runs `tests/oracle/generate.mjs` with the packages of its lock file.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::assets::cache;

const MISSING: &str =
    "the oracle needs Node.js 20.19 or later with npm: install them, and see that `node` and `npm` are in PATH";

/// The files that determine the installed packages.
const PINS: [(&str, &str); 3] = [
    ("package.json", include_str!("../../oracle/package.json")),
    ("package-lock.json", include_str!("../../oracle/package-lock.json")),
    (".npmrc", include_str!("../../oracle/.npmrc")),
];

/// The generator's document with this many requests. Packages are installed into the cache folder once.
///
/// # Errors
/// Names what to install if Node.js is missing; otherwise npm's or the generator's error.
pub fn generate(count: usize) -> Result<String> {
    let folder = install()?;
    let script = "generate.mjs";
    // Node.js searches for packages next to the script, and the repository must not contain them.
    fs::write(folder.join(script), include_str!("../../oracle/generate.mjs"))?;
    run(Command::new("node").arg(script).arg(count.to_string()), &folder)
}

fn install() -> Result<PathBuf> {
    let folder = cache::directory("oracle", "1", &PINS.map(|(_, text)| text))?;
    let _lock = cache::lock(&folder)?;
    let installed = folder.join(".installed");
    if !installed.is_file() {
        for (name, text) in PINS {
            fs::write(folder.join(name), text).with_context(|| format!("cannot write into {}", folder.display()))?;
        }
        run(Command::new("npm").args(["ci", "--silent"]), &folder)?;
        fs::write(installed, "")?;
    }
    Ok(folder)
}

fn run(command: &mut Command, folder: &Path) -> Result<String> {
    let output = command.current_dir(folder).output();
    let program = command.get_program().to_string_lossy().into_owned();
    let output = output.with_context(|| format!("cannot run {program}: {MISSING}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!(
            "{program} in {} ended with {}:\n{said}",
            folder.display(),
            output.status
        );
    }
    String::from_utf8(output.stdout).with_context(|| format!("{program} wrote something that is not UTF-8"))
}
