//! Temporary folders that are removed when their owner drops them or ends.

use std::fs::{self, Permissions};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};

use super::Lifeline;

/// A folder below the system's temporary one, readable only by its owner.
#[derive(Debug)]
pub struct Directory {
    path: PathBuf,
    lifeline: Option<Lifeline>,
    sweeper: Child,
}

impl Directory {
    pub fn new() -> Result<Self> {
        let path = std::env::temp_dir().join(format!("atto-signer-tests-{}", random_suffix()));
        fs::create_dir(&path).with_context(|| format!("cannot create {}", path.display()))?;
        fs::set_permissions(&path, Permissions::from_mode(0o700))?;
        let (reader, writer) = io::pipe().context("cannot open a pipe")?;
        let sweeper = Command::new("/bin/sh")
            .args([
                "-c",
                "trap '' HUP INT TERM; read -r _; exec rm -rf -- \"$1\"",
                "sweeper",
            ])
            .arg(&path)
            .stdin(reader)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start the sweeper of a temporary folder")?;
        Ok(Self {
            path,
            lifeline: Some(Lifeline(writer)),
            sweeper,
        })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// For processes that write into the folder.
    pub fn lifeline(&self) -> Option<&Lifeline> {
        self.lifeline.as_ref()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        self.lifeline = None;
        // A folder that cannot be removed cannot be reported here.
        let _ = self.sweeper.wait();
    }
}

/// Eight hex digits, different on every call.
pub(crate) fn random_suffix() -> String {
    format!("{:08x}", RandomState::new().hash_one(std::process::id()) >> 32)
}
