//! The command line of the plugin.

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::{Args, CommandFactory, Parser, Subcommand};
use clap_complete::Shell;

use super::approve::{ApproveArgs, approve, plan};
use super::bindings::ListArgs;
use super::check::{CheckArgs, check};
use super::explain::{ExplainArgs, explain};
use super::report::{ReportArgs, report};
use super::status::status;
use crate::cluster::connect::Choice;
use crate::commands::render::{RenderArgs, rendered};
use crate::commands::{self, Failure, RemoveArgs};
use crate::exit;

/// Shows the state of the signers of Atto voter nodes, and why one does not sign.
#[derive(Parser, Debug)]
#[command(name = "kubectl atto-signer", bin_name = "kubectl atto-signer", version)]
struct Cli {
    #[command(flatten)]
    cluster: Choice,

    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Show the SignerBindings of a namespace, and what to do next. Exits with 1 if one is not ready.
    Status(ListArgs),
    /// Explain from live state why a Deployment has or does not have a signer. Exits with 1 if its SignerBinding is not ready.
    Explain(ExplainArgs),
    /// Show the changes that wait for an approval.
    Plan(ListArgs),
    /// Show the change that waits for an approval, ask for confirmation, and approve it. This replaces the pods of the Deployment.
    Approve(ApproveArgs),
    /// Check the cluster, the CustomResourceDefinition and the guard, and that an operator is running.
    Check(CheckArgs),
    /// Print a Deployment with the signer that a SignerBinding injects, without a cluster.
    Render(RenderArgs),
    /// Remove the signer from a Deployment that no SignerBinding manages.
    Remove(RemoveArgs),
    /// Collect objects, Events and logs for a support request in one archive, without Secrets and tokens.
    Report(ReportArgs),
    /// Print a script that completes the commands in a shell.
    Completion(CompletionArgs),
}

#[derive(Args, Clone, Debug)]
struct CompletionArgs {
    #[arg(value_enum)]
    shell: Shell,
}

/// The whole command line.
pub fn command() -> clap::Command {
    Cli::command()
}

/// Parses the command line, runs, and returns the exit code, see [`exit`].
pub fn main() -> ExitCode {
    run(std::env::args_os())
}

#[tokio::main]
async fn run(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let Cli { cluster, command } = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { exit::USAGE } else { 0 });
        }
    };
    let result = match command {
        Command::Status(arguments) => status(cluster, arguments).await.map(ready),
        Command::Explain(arguments) => explain(cluster, arguments).await.map(ready),
        Command::Plan(arguments) => plan(cluster, arguments).await.map(done),
        Command::Approve(arguments) => approve(cluster, arguments).await.map(done),
        Command::Check(arguments) => check(cluster, arguments).await,
        Command::Render(arguments) => rendered(arguments).map(done),
        Command::Remove(arguments) => commands::remove(arguments).await.map(done),
        Command::Report(arguments) => report(cluster, arguments).await.map(done),
        Command::Completion(CompletionArgs { shell }) => Ok(done(completion(shell))),
    };
    match result {
        Ok((text, code)) => print(&text, code),
        Err(Failure { code, text }) => {
            eprintln!("Error: {text}");
            ExitCode::from(code)
        }
    }
}

fn done(text: String) -> (String, u8) {
    (text, 0)
}

fn ready((text, is_ready): (String, bool)) -> (String, u8) {
    (text, if is_ready { 0 } else { exit::NOT_DONE })
}

fn completion(shell: Shell) -> String {
    let mut script = vec![];
    clap_complete::generate(shell, &mut command(), "kubectl-atto_signer", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

fn print(text: &str, code: u8) -> ExitCode {
    let mut output = io::stdout().lock();
    match output.write_all(text.as_bytes()).and_then(|()| output.flush()) {
        Ok(()) => ExitCode::from(code),
        // A reader that closes the pipe early, such as `head`, is not an error.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::from(code),
        Err(error) => {
            eprintln!("Error: The output cannot be written: {error}.");
            ExitCode::from(exit::OUTPUT)
        }
    }
}
