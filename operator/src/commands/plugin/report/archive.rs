//! A gzipped tar.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use k8s_openapi::jiff::Timestamp;
use tar::{Builder, Header};

/// The description of the archive's files.
pub const README: &str = "\
Written by kubectl atto-signer report.

versions.yaml        versions of this program and of the API server
check.txt            the output of kubectl atto-signer check
cluster/             CustomResourceDefinition, admission policies and Leases of the operator
operator/            pods of the operator and their logs
NAMESPACE/           SignerBindings, Deployments and pods with a signer, their Events, and the logs of the signers
not-read.txt         objects and logs that could not be read, and why

Left out: Secrets, ConfigMaps, logs of the nodes. Hidden: values of variables other than the signer's settings, arguments of containers,
annotations of others, and the diffs of plans.
";

/// The folder of all files.
const FOLDER: &str = "atto-signer-report";

/// The files so far.
pub struct Archive {
    time: Timestamp,
    files: Vec<(String, Vec<u8>)>,
}

impl Archive {
    pub fn new(time: Timestamp) -> Self {
        Self { time, files: vec![] }
    }

    pub fn add(&mut self, path: &str, text: &str) {
        self.files.push((format!("{FOLDER}/{path}"), text.as_bytes().to_vec()));
    }

    /// Writes the whole archive, or no file.
    pub fn write(&self, file: &Path) -> io::Result<()> {
        let mut partial = file.as_os_str().to_owned();
        partial.push(".partial");
        let partial = PathBuf::from(partial);
        let written = self.write_to(&partial).and_then(|()| fs::rename(&partial, file));
        if written.is_err() {
            // The first error is more useful.
            let _ = fs::remove_file(&partial);
        }
        written
    }

    fn write_to(&self, file: &Path) -> io::Result<()> {
        let mut tar = Builder::new(GzEncoder::new(File::create(file)?, Compression::default()));
        for (path, bytes) in &self.files {
            let mut header = Header::new_gnu();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o600);
            header.set_mtime(self.time.as_second().try_into().unwrap_or_default());
            tar.append_data(&mut header, path, bytes.as_slice())?;
        }
        tar.into_inner()?.finish()?.flush()
    }
}
