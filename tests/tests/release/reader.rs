//! A person who reads the page, has downloaded the files of the release, and runs the page's commands.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Output;

use anyhow::{Context, Result, ensure};
use tests::process::Directory;
use tokio::process::Command;

use crate::published::{Published, of_its_own};

/// The page's flags for the required signer.
const BY_THE_WORKFLOW: &str = r#"--certificate-identity "$IDENTITY" --certificate-oidc-issuer "$ISSUER""#;

pub struct Reader {
    folder: Directory,
    repository: String,
    key: PathBuf,
}

impl Reader {
    /// A person in a separate folder with copies of the files.
    pub fn new(published: &Published, key: impl AsRef<Path>) -> Result<Self> {
        let folder = Directory::new()?;
        for entry in fs::read_dir(published.files())? {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                fs::copy(entry.path(), folder.path().join(entry.file_name()))?;
            }
        }
        let programs = folder.path().join("bin");
        fs::create_dir(&programs)?;
        for (name, program) in [
            ("crane", &published.tools.crane),
            ("cosign", &published.tools.cosign),
            ("helm", &published.tools.helm),
        ] {
            symlink(program, programs.join(name))?;
        }
        Ok(Self {
            folder,
            repository: published.repository.clone(),
            key: key.as_ref().to_owned(),
        })
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The output of the block, which must succeed.
    pub async fn types(&self, block: &str) -> Result<String> {
        let done = self.run(block).await?;
        ensure!(done.status.success(), "{block}\n{}", said(&done));
        Ok(said(&done))
    }

    /// The output of the block, which must fail.
    pub async fn is_refused(&self, block: &str) -> Result<String> {
        let done = self.run(block).await?;
        ensure!(!done.status.success(), "{block}\nhas passed: {}", said(&done));
        Ok(said(&done))
    }

    async fn run(&self, block: &str) -> Result<Output> {
        let by_the_key = format!("--key {} --insecure-ignore-tlog", self.key.display());
        let (registry, _) = self
            .repository
            .split_once('/')
            .context("the repository has no registry")?;
        let commands = block
            .replace(BY_THE_WORKFLOW, &by_the_key)
            .replace("registry.example.com/", &format!("{registry}/mirror/"))
            .replace("helm pull ", "helm pull --plain-http ");
        ensure!(
            !commands.contains("certificate"),
            "another signer than the page's: {commands}"
        );
        // As in a terminal: no `-e` and no `pipefail`, so each block has to stop by itself.
        let mut shell = Command::new("bash");
        shell.args(["-u", "-c", &commands]).current_dir(self.folder());
        let path = std::env::var("PATH").unwrap_or_default();
        shell.env("PATH", format!("{}/bin:{path}", self.folder().display()));
        shell
            .env("VERSION", env!("CARGO_PKG_VERSION"))
            .env("REGISTRY", &self.repository);
        of_its_own(&mut shell, self.folder());
        Ok(shell.kill_on_drop(true).output().await?)
    }
}

fn said(done: &Output) -> String {
    String::from_utf8_lossy(&[&done.stdout[..], &done.stderr[..]].concat()).into_owned()
}
