//! The process of OpenBao: started, sealed, stopped and restarted.

use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;

use super::{Kind, OpenBao};
use crate::eventually;
use crate::process::{Directory, Port, Process, random_suffix};

const PATIENCE: Duration = Duration::from_mins(1);

impl OpenBao {
    pub(super) async fn of(kind: Kind) -> Result<Self> {
        // The first installation takes a while, and must not block the runtime.
        tokio::task::spawn_blocking(crate::assets::openbao).await??;
        let directory = Directory::new()?;
        fs::create_dir(directory.path().join("tls"))?;
        let mut bao = Self {
            process: Mutex::new(None),
            directory,
            port: Port::reserve()?,
            kind,
            root: format!("root-{}", random_suffix()),
            unseal_key: String::new(),
        };
        bao.run()?;
        if kind == Kind::Folder {
            bao.initialise().await?;
        } else {
            bao.unseal_key = bao.key_in_log().await?;
        }
        bao.is_ready().await?;
        bao.bao(&["secrets", "enable", &format!("-path={}", super::MOUNT), "transit"])?;
        Ok(bao)
    }

    /// Stops the server, so that connections are refused.
    ///
    /// # Errors
    /// The server does not end.
    pub fn stop(&self) -> Result<()> {
        match self.process().take() {
            Some(process) => process.stop().map(|_| ()),
            None => Ok(()),
        }
    }

    /// Starts it again after [`OpenBao::stop`], and unseals a server with a folder. A server in memory starts empty, except for a
    /// transit engine.
    ///
    /// # Errors
    /// The server does not answer within a minute.
    pub async fn restart(&self) -> Result<()> {
        self.stop()?;
        self.run()?;
        if self.kind == Kind::Folder {
            self.unseal().await?;
        } else {
            self.is_ready().await?;
            self.bao(&["secrets", "enable", &format!("-path={}", super::MOUNT), "transit"])?;
        }
        Ok(())
    }

    /// Seals OpenBao: from now on it refuses all requests.
    ///
    /// # Errors
    /// OpenBao refuses.
    pub fn seal(&self) -> Result<()> {
        self.bao(&["operator", "seal"]).map(|_| ())
    }

    /// Undoes [`OpenBao::seal`].
    ///
    /// # Errors
    /// OpenBao is not ready within a minute.
    pub async fn unseal(&self) -> Result<()> {
        eventually(PATIENCE, "OpenBao is unsealed", async || {
            self.bao(&["operator", "unseal", &self.unseal_key])
        })
        .await?;
        self.is_ready().await
    }

    fn run(&self) -> Result<()> {
        let folder = self.directory.path();
        let address = self.address().to_string();
        let log = folder.join("openbao.log");
        if self.kind == Kind::Folder {
            write_config(folder, &address)?;
        }
        let process = Process::start(crate::assets::openbao()?, &log, self.directory.lifeline(), |command| {
            command.env_clear().env("HOME", folder).arg("server");
            match self.kind {
                Kind::Folder => {
                    command.arg(format!("-config={}", folder.join("openbao.hcl").display()));
                }
                Kind::Memory | Kind::Tls => {
                    command.args(["-dev", "-dev-no-store-token"]);
                    command.arg(format!("-dev-root-token-id={}", self.root));
                    command.arg(format!("-dev-listen-address={address}"));
                }
            }
            if self.kind == Kind::Tls {
                command.arg("-dev-tls");
                command.arg(format!("-dev-tls-cert-dir={}", folder.join("tls").display()));
            }
        })?;
        *self.process() = Some(process);
        Ok(())
    }

    async fn initialise(&mut self) -> Result<()> {
        let answer = eventually(PATIENCE, "OpenBao is initialised", async || {
            self.still_runs()?;
            self.bao_json(&["operator", "init", "-format=json", "-key-shares=1", "-key-threshold=1"])
        })
        .await?;
        let text = |value: &Value| {
            value
                .as_str()
                .map(str::to_owned)
                .context("no text in the answer to init")
        };
        self.root = text(&answer["root_token"])?;
        self.unseal_key = text(&answer["unseal_keys_b64"][0])?;
        self.unseal().await
    }

    /// A server in memory prints its key to its log.
    async fn key_in_log(&self) -> Result<String> {
        eventually(PATIENCE, "OpenBao tells its unseal key", async || {
            self.still_runs()?;
            let log = fs::read_to_string(self.directory.path().join("openbao.log"))?;
            let key = log.lines().find_map(|line| line.trim().strip_prefix("Unseal Key: "));
            key.map(str::to_owned).with_context(|| log.clone())
        })
        .await
    }

    async fn is_ready(&self) -> Result<()> {
        eventually(PATIENCE, "OpenBao is ready", async || {
            self.still_runs()?;
            self.bao(&["token", "lookup"])
        })
        .await
        .map(|_| ())
    }

    fn still_runs(&self) -> Result<()> {
        let mut process = self.process();
        let process = process.as_mut().context("OpenBao was stopped")?;
        process.still_runs()
    }
}

fn write_config(folder: &Path, address: &str) -> Result<()> {
    let data = folder.join("data");
    fs::create_dir_all(&data)?;
    // The second port is for other members of a cluster, of which there are none.
    let cluster = Port::reserve()?.number();
    let config = format!(
        r#"storage "raft" {{
  path = "{}"
  node_id = "1"
}}
listener "tcp" {{
  address = "{address}"
  cluster_address = "127.0.0.1:{cluster}"
  tls_disable = true
}}
api_addr = "http://{address}"
cluster_addr = "https://127.0.0.1:{cluster}"
"#,
        data.display()
    );
    fs::write(folder.join("openbao.hcl"), config).context("cannot write the configuration of OpenBao")
}
