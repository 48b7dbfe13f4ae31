//! A release of small programs, built and published as a real one is, with a key and a registry of its own.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use tests::eventually::{SOON, eventually};
use tests::images::{Additions, Image, pack};
use tests::process::{Directory, Port, Process, printed};
use tests::{assets, workspace};
use tokio::net::TcpStream;
use tokio::process::Command;

const VERSION: &str = env!("CARGO_PKG_VERSION");
const EPOCH: i64 = 1_700_000_000;

/// The programs of those who publish, and of those who check.
pub struct Tools {
    pub crane: PathBuf,
    pub cosign: PathBuf,
    pub helm: PathBuf,
}

impl Tools {
    pub async fn all() -> Result<Self> {
        // They may have to be built first.
        tokio::task::spawn_blocking(|| {
            Ok(Self {
                crane: assets::crane()?.clone(),
                cosign: assets::cosign()?.clone(),
                helm: assets::helm()?.clone(),
            })
        })
        .await?
    }
}

/// The files of `make release`, with programs of one line each.
pub async fn build() -> Result<Directory> {
    let folder = Directory::new()?;
    let into = folder.path();
    for name in ["operator", "signer"] {
        let mut programs = vec![];
        for architecture in ["amd64", "arm64"] {
            let program = into.join(format!("{name}-{VERSION}-linux-{architecture}"));
            fs::write(&program, format!("the {name} for {architecture}\n"))?;
            let bill = format!(
                r#"{{"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1, "metadata": {{"component": {{"type": "application", "name": "{name}-{architecture}"}}}}}}"#
            );
            fs::write(
                into.join(format!("{name}-{VERSION}-linux-{architecture}.cdx.json")),
                bill,
            )?;
            programs.push((architecture.to_owned(), program));
        }
        let image = Image {
            name: name.to_owned(),
            reference: format!("ghcr.io/attocash/signer-operator/{name}:{VERSION}"),
            description: name.to_owned(),
            version: VERSION.to_owned(),
            revision: "0123".to_owned(),
            epoch: EPOCH,
            programs,
            compressed: true,
            additions: Additions::default(),
        };
        pack(&image, into)?;
    }
    let mut pin = Command::new(workspace::root().join("release/pin.sh"));
    pin.arg(into).args([VERSION, &EPOCH.to_string()]);
    pin.env("HELM", Tools::all().await?.helm);
    printed(&mut pin, "release/pin.sh").await?;
    let mut sums = Command::new("sh");
    sums.args(["-c", "sha256sum -- * >.sums && mv .sums SHA256SUMS"])
        .current_dir(into);
    printed(&mut sums, "sha256sum").await?;
    Ok(folder)
}

/// Pushes and signs the files of the folder, as the workflow does.
pub async fn publish(folder: &Path, repository: &str, sign_with: &str) -> Result<String> {
    let tools = Tools::all().await?;
    let mut publish = Command::new(workspace::root().join("release/publish.sh"));
    publish.arg(folder).arg(repository);
    publish
        .env("CRANE", tools.crane)
        .env("COSIGN", tools.cosign)
        .env("HELM", tools.helm);
    publish.env("SIGN_WITH", sign_with);
    of_its_own(&mut publish, folder);
    printed(&mut publish, "release/publish.sh").await
}

/// Uses nothing of the person's own: no login, no settings, no cached certificates. The key has no password.
pub fn of_its_own(command: &mut Command, folder: &Path) {
    command.env("HOME", folder).env("COSIGN_PASSWORD", "");
    for set in [
        "REGISTRY_USER",
        "DOCKER_CONFIG",
        "XDG_CONFIG_HOME",
        "XDG_CACHE_HOME",
        "XDG_DATA_HOME",
        "GITHUB_WORKFLOW_REF",
    ] {
        command.env_remove(set);
    }
}

/// A release in a registry of its own, which ends with this value.
pub struct Published {
    // It ends before the folder with its log is removed.
    _registry: Process,
    pub tools: Tools,
    pub repository: String,
    folder: Directory,
    keys: Directory,
    _port: Port,
}

impl Published {
    pub async fn new() -> Result<Self> {
        let (tools, keys, port) = (Tools::all().await?, Directory::new()?, Port::reserve()?);
        let address = format!("127.0.0.1:{}", port.number());
        let log = keys.path().join("registry.log");
        let registry = Process::start(&tools.crane, &log, keys.lifeline(), |command| {
            command.args(["registry", "serve", "--address", &address]);
        })?;
        eventually(SOON, "the registry", async || Ok(TcpStream::connect(&address).await?)).await?;
        let published = Self {
            _registry: registry,
            repository: format!("{address}/attocash/signer-operator"),
            folder: build().await?,
            tools,
            keys,
            _port: port,
        };
        published.make_key("cosign").await?;
        // Uses no public log and no public authority.
        published
            .cosign(&["signing-config", "create", "--out", "nobody.json"])
            .await?;
        published
            .cosign(&["trusted-root", "create", "--out", "nothing.json"])
            .await?;
        published.publish().await?;
        Ok(published)
    }

    /// Publishes as the workflow does. It can be repeated, after a run that has stopped halfway.
    pub async fn publish(&self) -> Result<String> {
        let at = |name: &str| self.keys.path().join(name).display().to_string();
        let sign_with = format!(
            "--yes --key {} --signing-config {} --trusted-root {}",
            at("cosign.key"),
            at("nobody.json"),
            at("nothing.json")
        );
        publish(self.folder.path(), &self.repository, &sign_with).await
    }

    /// The refusal of a release with a missing bill of materials.
    pub async fn without_a_bill(&self) -> Result<String> {
        let name = format!("operator-{VERSION}-linux-arm64.cdx.json");
        fs::remove_file(self.folder.path().join(&name))?;
        let sums = self.folder.path().join("SHA256SUMS");
        let text = fs::read_to_string(&sums)?;
        let left: String = text
            .split_inclusive('\n')
            .filter(|line| !line.contains(&name))
            .collect();
        fs::write(&sums, left)?;
        let published = self.publish().await;
        Ok(format!("{:#}", published.err().context("it was published")?))
    }

    /// What the check prints that a person without a login can read the release.
    pub async fn readable(&self, repository: &str) -> Result<String> {
        let mut readable = Command::new(workspace::root().join("release/readable.sh"));
        readable.arg(self.folder.path()).arg(repository);
        readable.env("CRANE", &self.tools.crane);
        of_its_own(&mut readable, self.keys.path());
        printed(&mut readable, "release/readable.sh").await
    }

    async fn cosign(&self, arguments: &[&str]) -> Result<String> {
        let mut command = Command::new(&self.tools.cosign);
        command.args(arguments).current_dir(self.keys.path());
        of_its_own(&mut command, self.keys.path());
        printed(&mut command, "cosign").await
    }

    async fn make_key(&self, name: &str) -> Result<PathBuf> {
        self.cosign(&["generate-key-pair", "--output-key-prefix", name]).await?;
        Ok(self.keys.path().join(format!("{name}.pub")))
    }

    /// The key that signs the release.
    pub fn key(&self) -> PathBuf {
        self.keys.path().join("cosign.pub")
    }

    /// A key that signs nothing.
    pub async fn another_key(&self) -> Result<PathBuf> {
        self.make_key("another").await
    }

    /// The files of the release.
    pub fn files(&self) -> &Path {
        self.folder.path()
    }

    /// The digest by which the published manifest names this image.
    pub fn digest(&self, image: &str) -> Result<String> {
        let manifest = fs::read_to_string(self.folder.path().join("install.yaml"))?;
        let name = format!("ghcr.io/attocash/signer-operator/{image}@");
        let (_, after) = manifest
            .split_once(&name)
            .with_context(|| format!("install.yaml names no {name}…"))?;
        let digest: String = after
            .chars()
            .take_while(|one| one.is_ascii_alphanumeric() || *one == ':')
            .collect();
        ensure!(digest.len() == "sha256:".len() + 64, "{digest}");
        Ok(digest)
    }

    /// Moves the operator's tag to another image.
    pub async fn move_the_tag(&self) -> Result<()> {
        let layout = self.keys.path().join("layout");
        fs::create_dir_all(&layout)?;
        let program = layout.join("program");
        fs::write(&program, "another operator\n")?;
        let image = Image {
            name: "operator".to_owned(),
            reference: format!("example.com/operator:{VERSION}"),
            description: "operator".to_owned(),
            version: VERSION.to_owned(),
            revision: "4567".to_owned(),
            epoch: EPOCH,
            programs: vec![("amd64".to_owned(), program)],
            compressed: true,
            additions: Additions::default(),
        };
        let packed = pack(&image, self.keys.path())?;
        let mut unpack = Command::new("tar");
        unpack
            .args(["--extract", "--file"])
            .arg(packed.file)
            .arg("--directory")
            .arg(&layout);
        printed(&mut unpack, "tar").await?;
        let mut push = Command::new(&self.tools.crane);
        push.arg("push")
            .arg(&layout)
            .arg(format!("{}/operator:{VERSION}", self.repository));
        of_its_own(&mut push, self.keys.path());
        printed(&mut push, "crane push").await.map(drop)
    }

    /// Writes another digest into the published manifest.
    pub fn change_a_file(&self) -> Result<()> {
        let manifest = self.folder.path().join("install.yaml");
        fs::write(
            &manifest,
            fs::read_to_string(&manifest)?.replace("@sha256:", "@sha256:0"),
        )?;
        Ok(())
    }
}
