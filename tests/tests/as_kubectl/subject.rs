//! kubectl and the operator's program with the same environment and the same kubeconfig.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs};

use anyhow::Result;
use serde_json::{Value, json};
use tests::process::Directory;
use tests::{ControlPlane, assets, workspace};
use tokio::process::Command;
use tokio::sync::OnceCell;

/// Exit code of `operator explain` if the API server answers that the Deployment does not exist.
const NO_INPUT: i32 = 66;

/// A folder with kubeconfigs that lead to a real API server.
pub struct Subject {
    pub plane: &'static ControlPlane,
    pub folder: Directory,
    files: AtomicU32,
}

/// The exit code and the output of a program.
#[derive(Debug)]
pub struct Ended {
    pub reached: bool,
    pub said: String,
}

impl Subject {
    pub async fn new() -> Result<Self> {
        let plane = ControlPlane::shared().await?;
        with_definition(plane).await?;
        Ok(Self {
            plane,
            folder: Directory::new()?,
            files: AtomicU32::new(0),
        })
    }

    /// The admin's kubeconfig, to be changed.
    pub fn admin(&self) -> Result<Value> {
        Ok(serde_json::from_slice(&fs::read(self.plane.admin().path())?)?)
    }

    /// The token of a service account that may do everything.
    pub async fn token(&self, name: &str) -> Result<String> {
        let admin = self.plane.admin();
        admin.kubectl_ok(&["create", "serviceaccount", name]).await?;
        let account = format!("--serviceaccount=default:{name}");
        admin
            .kubectl_ok(&[
                "create",
                "clusterrolebinding",
                name,
                "--clusterrole=cluster-admin",
                &account,
            ])
            .await?;
        Ok(admin.kubectl_ok(&["create", "token", name]).await?.trim().to_owned())
    }

    pub fn write(&self, contents: &Value) -> Result<PathBuf> {
        self.write_text(&serde_json::to_string_pretty(contents)?)
    }

    pub fn write_text(&self, contents: &str) -> Result<PathBuf> {
        let number = self.files.fetch_add(1, Ordering::Relaxed);
        let path = self.folder.path().join(format!("{number}.kubeconfig"));
        fs::write(&path, contents)?;
        Ok(path)
    }

    pub async fn kubectl(&self, kubeconfig: &str, environment: &[(&str, String)]) -> Result<Ended> {
        let programs = tokio::task::spawn_blocking(assets::kubernetes).await??;
        let mut command = self.command(&programs.kubectl, kubeconfig, environment);
        let output = command
            .args(["get", "--raw", "/api/v1/namespaces/default", "--request-timeout=10s"])
            .output()
            .await?;
        Ok(Ended {
            reached: output.status.success(),
            said: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    pub async fn operator(&self, kubeconfig: &str, environment: &[(&str, String)]) -> Result<Ended> {
        let program = tokio::task::spawn_blocking(|| workspace::program("operator")).await??;
        let mut command = self.command(&program, kubeconfig, environment);
        let output = command
            .args(["explain", "--namespace=default", "deployment/nothing"])
            .output()
            .await?;
        Ok(Ended {
            reached: output.status.code() == Some(NO_INPUT),
            said: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    fn command(&self, program: &Path, kubeconfig: &str, environment: &[(&str, String)]) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.folder.path())
            .env("KUBECONFIG", kubeconfig)
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .current_dir(self.folder.path())
            .stdin(std::process::Stdio::null())
            .kill_on_drop(true);
        command
    }
}

/// `operator explain` lists bindings.
async fn with_definition(plane: &'static ControlPlane) -> Result<()> {
    static ONCE: OnceCell<()> = OnceCell::const_new();
    ONCE.get_or_try_init(async || {
        let admin = plane.admin();
        let apply = ["apply", "--server-side", "--filename=-"];
        let answer = admin.kubectl_in(Path::new("."), &apply, crds::MANIFEST).await?;
        anyhow::ensure!(answer.succeeded, "{}", answer.stderr);
        let name = "crd/signerbindings.signer.atto.cash";
        admin
            .kubectl_ok(&["wait", name, "--for=condition=Established", "--timeout=60s"])
            .await?;
        Ok(())
    })
    .await?;
    Ok(())
}

/// Sets one field. `null` is written into the file.
pub fn set(mut contents: Value, pointer: &str, value: Value) -> Value {
    let (parent, field) = pointer.rsplit_once('/').unwrap_or(("", pointer));
    if let Some(Value::Object(parent)) = contents.pointer_mut(parent) {
        parent.insert(field.to_owned(), value);
    }
    contents
}

/// Without one field.
pub fn unset(mut contents: Value, pointer: &str) -> Value {
    let (parent, field) = pointer.rsplit_once('/').unwrap_or(("", pointer));
    if let Some(Value::Object(parent)) = contents.pointer_mut(parent) {
        parent.remove(field);
    }
    contents
}

/// One more entry at the end of a section.
pub fn add(mut contents: Value, section: &str, entry: Value) -> Value {
    if contents[section].is_null() {
        contents[section] = json!([]);
    }
    if let Some(entries) = contents[section].as_array_mut() {
        entries.push(entry);
    }
    contents
}
