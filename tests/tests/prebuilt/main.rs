//! Kubernetes and Helm are downloaded if possible, always verified, and otherwise built from source.

mod published;
mod publisher;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::json;
use tests::process::Directory;

use self::published::files_and_pins;
use self::publisher::{Mood, Publisher};

/// A stand-in for Go. A program that it builds prints `built`.
const GO: &str = r#"#!/bin/sh
if [ "$1" = version ]; then echo go version go1.99.0 here/there; exit; fi
while [ "$1" != -o ]; do shift; done
echo "built $3" >"$2"
"#;

const PROGRAMS: [&str; 5] = ["etcd", "kube-apiserver", "kube-controller-manager", "kubectl", "helm"];

struct Machine {
    directory: Directory,
}

struct Ended {
    code: Option<i32>,
    paths: Vec<PathBuf>,
    said: String,
}

impl Machine {
    fn new(pins: &serde_json::Value) -> Result<Self> {
        let directory = Directory::new()?;
        let programs = directory.path().join("bin");
        fs::create_dir(&programs)?;
        fs::write(programs.join("go"), GO)?;
        fs::set_permissions(programs.join("go"), fs::Permissions::from_mode(0o755))?;
        fs::write(directory.path().join("pins.json"), pins.to_string())?;
        Ok(Self { directory })
    }

    fn assets(&self, settings: &[(&str, &str)]) -> Result<Ended> {
        let folder = self.directory.path();
        let mut path = folder.join("bin").into_os_string();
        path.push(":/usr/bin:/bin");
        let mut command = Command::new(env!("CARGO_BIN_EXE_assets"));
        command
            .arg("demo")
            .env_clear()
            .env("PATH", path)
            .env("XDG_CACHE_HOME", self.cache())
            .env("PREBUILT_PINS", folder.join("pins.json"))
            .envs(settings.iter().copied());
        let output = command.output()?;
        Ok(Ended {
            code: output.status.code(),
            paths: String::from_utf8(output.stdout)?.lines().map(PathBuf::from).collect(),
            said: String::from_utf8(output.stderr)?,
        })
    }

    fn cache(&self) -> PathBuf {
        self.directory.path().join("cache")
    }
}

impl Ended {
    /// The output of each found program: `downloaded` or `built`.
    fn origins(&self) -> Result<Vec<String>> {
        assert_eq!(self.code, Some(0), "{}", self.said);
        let mut origins = Vec::new();
        for (path, name) in self.paths.iter().zip(PROGRAMS) {
            assert_eq!(
                path.file_name().and_then(|name| name.to_str()),
                Some(name),
                "{}",
                self.said
            );
            let text = fs::read_to_string(path)?;
            origins.push(text.split(' ').next().context("an empty program")?.to_owned());
        }
        Ok(origins)
    }

    fn failures(&self) -> Vec<&str> {
        self.said
            .lines()
            .filter(|line| line.starts_with("cannot download"))
            .collect()
    }
}

/// The names of all files and links below the folder.
fn names(folder: &Path, found: &mut BTreeSet<String>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            names(&entry.path(), found)?;
        } else {
            found.insert(entry.file_name().to_string_lossy().into_owned());
        }
    }
    Ok(())
}

#[test]
fn what_is_published_is_downloaded_once_and_nothing_else_is_kept() -> Result<()> {
    let (files, pins) = files_and_pins()?;
    let publisher = Publisher::start(files, Mood::Good)?;
    let machine = Machine::new(&pins)?;
    let mirror = [("PREBUILT_MIRROR", publisher.url.as_str())];
    let first = machine.assets(&mirror)?;
    if cfg!(target_os = "linux") {
        assert_eq!(first.origins()?, ["downloaded"; 5], "{}", first.said);
    }
    for path in &first.paths {
        assert_eq!(
            fs::metadata(path)?.permissions().mode() & 0o777,
            0o755,
            "{}",
            path.display()
        );
    }
    let mut kept = BTreeSet::new();
    names(&machine.cache(), &mut kept)?;
    kept.remove(".lock");
    assert_eq!(kept, PROGRAMS.map(str::to_owned).into());

    let asked = publisher.requests();
    let second = machine.assets(&mirror)?;
    assert_eq!(second.paths, first.paths);
    assert_eq!(second.said, "");
    assert_eq!(publisher.requests(), asked);
    Ok(())
}

#[test]
fn a_program_that_is_not_published_is_built_and_the_others_are_downloaded() -> Result<()> {
    let (mut files, pins) = files_and_pins()?;
    files.retain(|path, _| !path.contains("/manager/"));
    let publisher = Publisher::start(files, Mood::Good)?;
    let machine = Machine::new(&pins)?;
    let ended = machine.assets(&[("PREBUILT_MIRROR", &publisher.url)])?;
    let (built, downloaded) = ("built", "downloaded");
    assert_eq!(
        ended.origins()?,
        [downloaded, downloaded, built, downloaded, downloaded],
        "{}",
        ended.said
    );
    Ok(())
}

/// All programs are built, and nothing of the download remains.
fn falls_back(mood: Mood, reason: &str, failures: usize) -> Result<()> {
    let (files, pins) = files_and_pins()?;
    let publisher = Publisher::start(files, mood)?;
    let machine = Machine::new(&pins)?;
    let ended = machine.assets(&[("PREBUILT_MIRROR", &publisher.url)])?;
    assert_eq!(ended.origins()?, ["built"; 5], "{}", ended.said);
    let said = ended.failures();
    assert_eq!(said.len(), failures, "{}", ended.said);
    for line in said {
        for expected in [reason, &publisher.url, "Building from source instead", "PREBUILT=no"] {
            assert!(line.contains(expected), "{expected}: {line}");
        }
    }
    for entry in fs::read_dir(machine.cache().join("atto-signer-operator"))? {
        let folder = entry?.path();
        for left in ["programs", ".unfinished"] {
            assert!(!folder.join(left).exists(), "{} has {left}", folder.display());
        }
    }
    Ok(())
}

#[test]
fn what_has_another_sum_is_said_and_built() -> Result<()> {
    falls_back(Mood::Wrong, "expected", 2)
}

#[test]
fn a_download_that_breaks_off_is_said_once_and_all_is_built() -> Result<()> {
    falls_back(Mood::Truncated, "cannot download", 1)
}

#[test]
fn a_server_that_is_silent_is_said_once_and_all_is_built() -> Result<()> {
    falls_back(Mood::Silent, "no answer for 10 s", 1)
}

#[test]
fn without_a_server_that_is_said_once_and_all_is_built() -> Result<()> {
    let (_, pins) = files_and_pins()?;
    // A reserved port, on which no program listens.
    let machine = Machine::new(&pins)?;
    let ended = machine.assets(&[("PREBUILT_MIRROR", "http://127.0.0.1:1")])?;
    assert_eq!(ended.origins()?, ["built"; 5], "{}", ended.said);
    assert_eq!(ended.failures().len(), 1, "{}", ended.said);
    Ok(())
}

#[test]
fn downloads_can_be_forbidden() -> Result<()> {
    let (files, pins) = files_and_pins()?;
    let publisher = Publisher::start(files, Mood::Good)?;
    let machine = Machine::new(&pins)?;
    let mirror = ("PREBUILT_MIRROR", publisher.url.as_str());
    let wrong = machine.assets(&[mirror, ("PREBUILT", "maybe")])?;
    assert_eq!(wrong.code, Some(1), "{}", wrong.said);
    assert!(
        wrong.said.contains("PREBUILT: found \"maybe\", expected yes or no"),
        "{}",
        wrong.said
    );
    let ended = machine.assets(&[mirror, ("PREBUILT", "no")])?;
    assert_eq!(ended.origins()?, ["built"; 5], "{}", ended.said);
    assert_eq!(ended.failures(), Vec::<&str>::new());
    assert_eq!(publisher.requests(), 0);
    Ok(())
}

#[test]
fn a_pin_without_a_sum_is_refused() -> Result<()> {
    let pins = json!({"kubernetes": {"version": "v1", "programs": ["etcd"],
        "archives": {"linux-amd64": {"url": "https://publisher.invalid/x", "inside": ""}}}});
    let machine = Machine::new(&pins)?;
    let ended = machine.assets(&[])?;
    assert_eq!(ended.code, Some(1), "{}", ended.said);
    assert!(ended.said.starts_with("PREBUILT_PINS: "), "{}", ended.said);
    Ok(())
}
