//! The operator program, with exactly the chart's permissions.

use std::fs;
use std::path::Path;
use std::process::ExitStatus;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use nix::sys::signal::Signal;

use crate::control_plane::ControlPlane;
use crate::eventually::{SOON, eventually};
use crate::kubeconfig::Kubeconfig;
use crate::process::{Directory, Port, Process, random_suffix};
use crate::{chart, signer_process, workspace};

/// `operator run`. It gets SIGTERM when it is stopped or dropped, or when its owner ends.
#[derive(Debug)]
pub struct OperatorProcess {
    process: Process,
    admin: Port,
    started: Instant,
}

impl OperatorProcess {
    /// Starts an operator on a control plane with the installed chart.
    pub async fn start(plane: &ControlPlane, arguments: &[&str]) -> Result<Self> {
        let kubeconfig = plane.service_account(chart::NAMESPACE, chart::SERVICE_ACCOUNT).await?;
        Self::start_as(&kubeconfig, plane.directory(), arguments).await
    }

    /// Starts an operator with this identity and its log in this folder, and waits for its `/readyz`.
    ///
    /// # Errors
    /// With the last lines of its log if it ends or is not ready within 30 seconds.
    pub async fn start_as(kubeconfig: &Kubeconfig, directory: &Directory, arguments: &[&str]) -> Result<Self> {
        let program = tokio::task::spawn_blocking(|| workspace::program("operator")).await??;
        let admin = Port::reserve()?;
        let number = admin.number();
        let log = directory.path().join(format!("operator-{}.log", random_suffix()));
        let started = Instant::now();
        let mut process = Process::start(&program, &log, directory.lifeline(), |command| {
            command
                .args(["run", &format!("--admin-address=127.0.0.1:{number}")])
                .args(arguments);
            if !arguments
                .iter()
                .any(|argument| argument.starts_with("--lease-namespace"))
            {
                command.arg(format!("--lease-namespace={}", chart::NAMESPACE));
            }
            // A proxy in the environment must not be used for loopback.
            command
                .env("KUBECONFIG", kubeconfig.path())
                .env_remove("HTTPS_PROXY")
                .env_remove("https_proxy");
        })?;
        let ready = eventually(SOON, "the operator's /readyz", async || {
            process.still_runs()?;
            let answer = tokio::task::spawn_blocking(move || signer_process::get(number, "/readyz")).await??;
            ensure!(answer.status == 200, "{}", answer.body);
            Ok(())
        });
        if let Err(error) = ready.await {
            return Err(error).with_context(|| format!("the operator's log:\n{}", process.last_lines()));
        }
        Ok(Self {
            process,
            admin,
            started,
        })
    }

    /// The port of `/livez`, `/readyz` and `/metrics`, on loopback.
    pub fn admin_port(&self) -> u16 {
        self.admin.number()
    }

    /// Its whole log.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    pub fn log_file(&self) -> &Path {
        self.process.log()
    }

    /// The answer for a path of the admin port.
    pub async fn get(&self, path: &'static str) -> Result<signer_process::Answer> {
        get(self.admin.number(), path).await
    }

    /// When the program started.
    pub fn started(&self) -> Instant {
        self.started
    }

    /// Whether it reports that it holds the Lease.
    pub async fn leads(&self) -> Result<bool> {
        let metrics = self.get("/metrics").await?;
        Ok(metrics.body.lines().any(|line| line == "atto_signer_operator_leader 1"))
    }

    /// Waits until it holds the Lease.
    pub async fn becomes_leader(&self) -> Result<()> {
        eventually(SOON, "it leads", async || {
            ensure!(self.leads().await?, "{}", self.log());
            Ok(())
        })
        .await
    }

    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    pub fn signal(&self, signal: Signal) -> Result<()> {
        self.process.signal(signal)
    }

    /// Waits for its end.
    pub fn wait(&mut self) -> Result<ExitStatus> {
        self.process.wait()
    }

    /// An error with the last lines of its log if it has ended.
    pub fn still_runs(&mut self) -> Result<()> {
        self.process.still_runs()
    }

    /// Sends SIGTERM, and returns the exit status.
    pub fn stop(self) -> Result<ExitStatus> {
        self.process.stop()
    }
}

/// The answer for a path of an operator's admin port.
pub async fn get(port: u16, path: &'static str) -> Result<signer_process::Answer> {
    tokio::task::spawn_blocking(move || signer_process::get(port, path)).await?
}

/// Runs a command of the operator as this person until it ends. Returns its exit code and whole output.
pub async fn command(who: &Kubeconfig, arguments: &[&str]) -> Result<(Option<i32>, String)> {
    let program = tokio::task::spawn_blocking(|| workspace::program("operator")).await??;
    let output = tokio::process::Command::new(program)
        .args(arguments)
        .env("KUBECONFIG", who.path())
        .env_remove("HTTPS_PROXY")
        .env_remove("https_proxy")
        .kill_on_drop(true)
        .output()
        .await?;
    let text = String::from_utf8(output.stdout)? + &String::from_utf8(output.stderr)?;
    Ok((output.status.code(), text))
}
