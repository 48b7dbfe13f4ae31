//! Extracts only programs from an archive.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, Result};
use flate2::bufread::GzDecoder;
use tar::Archive;

/// Writes those of `programs` that are in the archive's folder `inside` into `folder`, and returns their number.
pub fn unpack(archive: &Path, inside: &str, programs: &[String], folder: &Path) -> Result<usize> {
    let file = File::open(archive).with_context(|| format!("cannot read {}", archive.display()))?;
    let mut entries = Archive::new(GzDecoder::new(BufReader::new(file)));
    let mut written = 0;
    for entry in entries.entries().context("not an archive")? {
        let mut entry = entry.context("not an archive")?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let path = entry.path().context("not an archive")?.into_owned();
        let wanted = |program: &&String| path.strip_prefix("./").unwrap_or(&path) == Path::new(inside).join(program);
        let Some(program) = programs.iter().find(wanted) else {
            continue;
        };
        let to = folder.join(program);
        let opened = OpenOptions::new().write(true).create_new(true).mode(0o755).open(&to);
        let mut file = opened.with_context(|| format!("cannot create {}", to.display()))?;
        io::copy(&mut entry, &mut file).with_context(|| format!("cannot write {}", to.display()))?;
        file.sync_all()
            .with_context(|| format!("cannot write {}", to.display()))?;
        written += 1;
    }
    fs::remove_file(archive).with_context(|| format!("cannot remove {}", archive.display()))?;
    Ok(written)
}
