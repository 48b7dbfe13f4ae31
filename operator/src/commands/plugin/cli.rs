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

/// Shows what the signers of Atto voter nodes do, and why one does not sign.
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
    /// Say why a Deployment has, or has not, a signer, from live state. Exits with 1 if its SignerBinding is not ready.
    Explain(ExplainArgs),
    /// Show the changes that wait for an approval.
    Plan(ListArgs),
    /// Show the change that waits for an approval, ask, and approve it. The pods of the Deployment are then replaced.
    Approve(ApproveArgs),
    /// Check the cluster, the CustomResourceDefinition and the guard, and that an operator is at work.
    Check(CheckArgs),
    /// Print a Deployment as a SignerBinding would make it, without a cluster.
    Render(RenderArgs),
    /// Take the signer out of a Deployment that no SignerBinding manages.
    Remove(RemoveArgs),
    /// Collect what somebody needs who helps: objects, Events and logs, without Secrets and tokens, in one archive.
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

/// Parses the command line, runs, and says how it went, see [`exit`].
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
        // A reader that stops early, such as `head`, is not an error.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::from(code),
        Err(error) => {
            eprintln!("Error: The output cannot be written: {error}.");
            ExitCode::from(exit::OUTPUT)
        }
    }
}
