//! The folder with built programs, and the lock that lets one process build while others wait.

use std::env;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use super::progress;

/// `${XDG_CACHE_HOME:-~/.cache}/atto-signer-operator`.
///
/// # Errors
/// If neither `XDG_CACHE_HOME` nor `HOME` is set.
pub fn root() -> Result<PathBuf> {
    let set = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = set("XDG_CACHE_HOME")
        .or_else(|| set("HOME").map(|home| home.join(".cache")))
        .context("neither XDG_CACHE_HOME nor HOME is set: set one, so that what is built can be kept")?;
    Ok(cache.join("atto-signer-operator"))
}

/// The folder's name ends with a hash of everything that determines the build, so a changed pin causes a new build.
pub fn directory(name: &str, version: &str, decided_by: &[&str]) -> Result<PathBuf> {
    let mut hash = Sha256::new();
    for part in decided_by {
        hash.update(part.len().to_le_bytes());
        hash.update(part);
    }
    let hash = HEXLOWER.encode(&hash.finalize()[..6]);
    Ok(root()?.join(format!("{name}-{version}-{hash}")))
}

/// Locks `directory` for this process until the returned file is dropped, even if a signal ends the process.
pub fn lock(directory: &Path) -> Result<File> {
    fs::create_dir_all(directory).with_context(|| format!("cannot create the cache folder {}", directory.display()))?;
    let path = directory.join(".lock");
    let file = File::create(&path).with_context(|| format!("cannot create {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            progress(&format!(
                "another process builds into {}: waiting for it",
                directory.display()
            ));
            file.lock().with_context(|| format!("cannot lock {}", path.display()))?;
        }
        Err(TryLockError::Error(error)) => {
            return Err(error).with_context(|| format!("cannot lock {}", path.display()));
        }
    }
    Ok(file)
}
