//! `make demo`: all features on a real API server, one step per file. Every step asserts what it shows.

mod binding;
mod changes;
mod cluster;
mod end;
mod events;
mod guard;
mod hold;
mod operator;
mod refusal;
mod removal;
mod screen;
mod signer;
mod signing;
mod voter;

use std::process::ExitCode;

use anyhow::{Context, Result};
use serde_json::Value;
use tokio::signal::unix::{SignalKind, signal};

use crate::kubeconfig::Answer;
use crate::operator_process::OperatorProcess;
use crate::process::Port;
use crate::workspace;
use cluster::Cluster;
use screen::Screen;

/// The namespace, the Deployment and the binding of `examples/quickstart/`.
const NAMESPACE: &str = "atto-quickstart";
const VOTER: &str = "atto-voter";
const BINDING: &str = "voter";

/// State that the steps share. Fields are in the order in which they end after a failure.
struct Demo {
    screen: Screen,
    signer: Option<signer::Signer>,
    operator: Option<OperatorProcess>,
    cluster: Cluster,
    /// The Deployment's spec before the binding.
    untouched: Value,
    /// Reserved for the signer, which gets the binding's ports.
    ports: Option<[Port; 2]>,
}

/// Runs the demo. Exits with 0 if every step has succeeded, otherwise with the reason on standard error and 1, or 130 after
/// Ctrl-C. Nothing that it has started keeps running.
pub fn main() -> ExitCode {
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("demo: {error}");
            return ExitCode::FAILURE;
        }
    };
    let ended = runtime.block_on(run());
    // An interrupted build ends with this process, which does not wait for it.
    runtime.shutdown_background();
    match ended {
        Ok(Outcome::Shown) => ExitCode::SUCCESS,
        Ok(Outcome::Interrupted) => {
            eprintln!("demo: interrupted; everything that it had started has ended");
            ExitCode::from(130)
        }
        Err(error) => {
            eprintln!("\ndemo: FAILED: {error:#}");
            ExitCode::FAILURE
        }
    }
}

enum Outcome {
    Shown,
    Interrupted,
}

async fn run() -> Result<Outcome> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let interrupted = async {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    };
    tokio::pin!(interrupted);
    let mut screen = Screen::new();
    let cluster = tokio::select! {
        cluster = Cluster::found_or_started(&mut screen) => cluster?,
        () = &mut interrupted => return Ok(Outcome::Interrupted),
    };
    let mut demo = Demo {
        screen,
        signer: None,
        operator: None,
        cluster,
        untouched: Value::Null,
        ports: None,
    };
    let shown = tokio::select! {
        shown = demo.steps() => shown.map(|()| Outcome::Shown),
        () = &mut interrupted => Ok(Outcome::Interrupted),
    };
    end::clean_up(demo, shown).await
}

impl Demo {
    async fn steps(&mut self) -> Result<()> {
        operator::start(self).await.context("starting the operator")?;
        voter::apply(self).await.context("applying the voter")?;
        refusal::show(self).await.context("the wrong binding")?;
        binding::apply(self).await.context("the binding")?;
        changes::show(self).await.context("what the operator changed")?;
        events::show(self).await.context("the Events")?;
        guard::show(self).await.context("the guard")?;
        hold::show(self).await.context("the hold")?;
        signer::start(self).await.context("starting the injected signer")?;
        signing::show(self).context("signing")?;
        removal::show(self).await.context("removing the binding")
    }

    /// Prints and runs a kubectl command whose arguments contain no blanks, at the root of the repository.
    async fn kubectl(&mut self, arguments: &str) -> Result<Answer> {
        self.screen.command(&format!("kubectl {arguments}"));
        let words: Vec<_> = arguments.split(' ').collect();
        let answer = self.cluster.admin().kubectl_in(workspace::root(), &words, "").await?;
        self.screen.output(&answer.stdout);
        self.screen.output(&answer.stderr);
        Ok(answer)
    }

    /// Prints and runs a kubectl command that must succeed. Returns its output.
    async fn kubectl_ok(&mut self, arguments: &str) -> Result<String> {
        let answer = self.kubectl(arguments).await?;
        anyhow::ensure!(answer.succeeded, "kubectl {arguments} failed: {}", answer.stderr.trim());
        Ok(answer.stdout)
    }

    /// A manifest of the repository with a change.
    async fn changed(&self, file: &str, change: &str) -> Result<String> {
        let patch = [
            "patch",
            "--local",
            "-f",
            file,
            "--type=merge",
            "-p",
            change,
            "-o",
            "yaml",
        ];
        let patched = self.cluster.admin().kubectl_in(workspace::root(), &patch, "").await?;
        anyhow::ensure!(patched.succeeded, "{}", patched.stderr);
        Ok(patched.stdout)
    }

    /// Prints and runs a kubectl command that reads a changed manifest. It must succeed.
    async fn pipe_changed(&mut self, file: &str, change: &str, arguments: &str) -> Result<()> {
        self.screen.command(&format!(
            "kubectl patch --local -f {file} --type=merge -p '{change}' -o yaml | kubectl {arguments}"
        ));
        let manifest = self.changed(file, change).await?;
        let words: Vec<_> = arguments.split(' ').collect();
        let admin = self.cluster.admin();
        let answer = admin.kubectl_in(workspace::root(), &words, &manifest).await?;
        self.screen.output(&answer.stdout);
        anyhow::ensure!(answer.succeeded, "kubectl {arguments} failed: {}", answer.stderr.trim());
        Ok(())
    }

    /// The present Deployment.
    async fn deployment(&self) -> Result<Value> {
        let get = ["get", "deployment", VOTER, "-n", NAMESPACE, "-o", "json"];
        Ok(serde_json::from_str(&self.cluster.admin().kubectl_ok(&get).await?)?)
    }
}
