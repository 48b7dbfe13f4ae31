//! Programs that their projects publish: downloaded once into the cache folder, and verified by the sum that this repository
//! pins.

mod download;
mod image;
mod pins;
mod unpack;

use std::env::consts::OS;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use self::download::{Away, Downloads};
use self::pins::{Pin, Source, Sum};
use super::{cache, progress, set_variable};
use crate::platform::platform;

/// `no` forbids downloads.
const ALLOWED: &str = "PREBUILT";

/// A server with the same files: each archive under its name, each image as in a registry.
const MIRROR: &str = "PREBUILT_MIRROR";

/// Time limit without data from a server.
const SILENCE: Duration = Duration::from_secs(10);

/// After one failed attempt, a process does not try again.
static NETWORK_IS_AWAY: AtomicBool = AtomicBool::new(false);

/// Programs of one version.
#[derive(Debug)]
pub struct Prebuilt {
    pub folder: PathBuf,
    pub version: String,
}

/// The programs with this name in `tests/prebuilt/pins.json`. `None` if downloads are forbidden, if there are none for this
/// platform, or if the download failed, which one line reports. They are then built from source.
///
/// # Errors
/// An invalid variable or file of pins.
pub fn find(name: &str) -> Result<Option<Prebuilt>> {
    if !allowed()? {
        return Ok(None);
    }
    let Some(pin) = Pin::named(name)? else {
        return Ok(None);
    };
    let Some(decided_by) = decided_by(&pin) else {
        return Ok(None);
    };
    let directory = cache::directory(&format!("prebuilt-{name}"), &pin.version, &[&platform(), decided_by])?;
    let folder = directory.join("programs");
    if !folder.is_dir() {
        let _lock = cache::lock(&directory)?;
        if !folder.is_dir() && !obtained(&pin, &directory, &folder) {
            return Ok(None);
        }
    }
    let version = pin.version;
    Ok(Some(Prebuilt { folder, version }))
}

fn allowed() -> Result<bool> {
    match set_variable(ALLOWED).as_deref() {
        None | Some("yes") => Ok(true),
        Some("no") => Ok(false),
        Some(other) => bail!(
            "{ALLOWED}: found {other:?}, expected yes or no. Set it to no to build Kubernetes and Helm from source, or unset it to \
             download them"
        ),
    }
}

/// The sum of the download for this platform, if there is one.
fn decided_by(pin: &Pin) -> Option<&str> {
    match &pin.source {
        Source::Archives(archives) => archives.get(&platform()).map(|archive| match &archive.sum {
            Sum::Sha256(sum) | Sum::Sha512(sum) => sum.as_str(),
        }),
        Source::Image(image) => (OS == "linux").then_some(image.digest.as_str()),
    }
}

/// Whether the programs are now in `folder`.
fn obtained(pin: &Pin, directory: &Path, folder: &Path) -> bool {
    if NETWORK_IS_AWAY.load(Ordering::SeqCst) {
        return false;
    }
    let what = format!("{} {}", pin.programs.join(", "), pin.version);
    progress(&format!("downloading {what}, once …"));
    let unfinished = directory.join(".unfinished");
    match in_a_runtime(pin, &unfinished, folder) {
        Ok(()) => true,
        Err(error) => {
            if error.downcast_ref::<Away>().is_some() {
                NETWORK_IS_AWAY.store(true, Ordering::SeqCst);
            }
            // Leftovers of a failed download are also removed before the next one.
            let _ = fs::remove_dir_all(&unfinished);
            let error = format!("{error:#}").replace(['\n', '\r'], " ");
            progress(&format!(
                "cannot download {what}: {error}. Building from source instead ({ALLOWED}=no skips the download)"
            ));
            false
        }
    }
}

/// On a separate thread, because callers may already be in a runtime.
fn in_a_runtime(pin: &Pin, unfinished: &Path, folder: &Path) -> Result<()> {
    let work = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let done = runtime.block_on(download(pin, unfinished, folder));
        // A pending name lookup must not delay the end.
        runtime.shutdown_background();
        done
    };
    thread::scope(|scope| match scope.spawn(work).join() {
        Ok(done) => done,
        Err(_) => bail!("the download has panicked"),
    })
}

async fn download(pin: &Pin, unfinished: &Path, folder: &Path) -> Result<()> {
    if unfinished.exists() {
        fs::remove_dir_all(unfinished).with_context(|| format!("cannot remove {}", unfinished.display()))?;
    }
    fs::create_dir(unfinished).with_context(|| format!("cannot create {}", unfinished.display()))?;
    let downloads = Downloads::new(SILENCE)?;
    let mirror = set_variable(MIRROR);
    let found = match &pin.source {
        Source::Archives(archives) => {
            let archive = archives.get(&platform()).context("no archive for this platform")?;
            let url = match &mirror {
                None => archive.url.clone(),
                Some(mirror) => {
                    let name = archive.url.rsplit('/').next().unwrap_or_default();
                    format!("{}/{name}", mirror.trim_end_matches('/'))
                }
            };
            let file = unfinished.join(".archive.tar.gz");
            downloads.file(&url, &archive.sum, &file).await?;
            unpack::unpack(&file, &archive.inside, &pin.programs, unfinished).with_context(|| url)?
        }
        Source::Image(image) => {
            let registry = mirror.as_deref().unwrap_or(&image.registry);
            image::programs(&downloads, image, registry, &pin.programs, unfinished).await?
        }
    };
    ensure!(
        found == pin.programs.len(),
        "found {found} of {} programs in it, expected all",
        pin.programs.len()
    );
    fs::rename(unfinished, folder).with_context(|| format!("cannot put them into {}", folder.display()))
}
