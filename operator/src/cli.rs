//! The command line: the arguments and exit codes of each command.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::commands::preflight::finding::{self, Verdict};
use crate::commands::preflight::{self, PreflightArgs};
use crate::commands::render::{self, RenderArgs};
use crate::commands::{self, DeploymentArgs, Failure, RemoveArgs};
use crate::config::RunArgs;
use crate::exit;
use crate::serve::{self, LeaseLost};

/// Injects a signer into the Deployments of Atto voter nodes that SignerBindings name.
#[derive(Parser, Debug)]
#[command(name = "operator", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Run the controller, in a cluster or with KUBECONFIG.
    Run(RunArgs),
    /// Check that the cluster meets the operator's requirements, and print a line for each.
    Preflight(PreflightArgs),
    /// Explain from live state why a Deployment has or does not have a signer.
    Explain(DeploymentArgs),
    /// Remove the signer from a Deployment that no SignerBinding manages.
    Remove(RemoveArgs),
    /// Print the manifest of the SignerBinding's CustomResourceDefinition.
    Crd,
    /// Print a Deployment with the signer that a SignerBinding injects, without a cluster.
    Render(RenderArgs),
}

/// The whole command line.
pub fn command() -> clap::Command {
    Cli::command()
}

/// Parses the command line, runs, and returns the exit code, see [`exit`].
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { exit::USAGE } else { 0 });
        }
    };
    match cli.command {
        Command::Run(arguments) => run(arguments),
        Command::Preflight(arguments) => preflight(arguments),
        Command::Explain(arguments) => by_hand("explain", commands::explain(arguments)),
        Command::Remove(arguments) => by_hand("remove", commands::remove(arguments)),
        Command::Crd => print("crd", crds::MANIFEST),
        Command::Render(arguments) => match render::rendered(arguments) {
            Ok(text) => print("render", &text),
            Err(failure) => failed("render", &failure),
        },
    }
}

fn failed(name: &str, failure: &Failure) -> ExitCode {
    eprintln!("operator {name}: {failure}");
    ExitCode::from(failure.code)
}

fn run(arguments: RunArgs) -> ExitCode {
    match serve::run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("operator: {error:#}");
            ExitCode::from(if error.is::<LeaseLost>() {
                exit::AGAIN
            } else {
                exit::SOFTWARE
            })
        }
    }
}

#[tokio::main]
async fn by_hand(name: &str, command: impl Future<Output = Result<String, Failure>>) -> ExitCode {
    match command.await {
        Ok(text) => print(name, &text),
        Err(failure) => failed(name, &failure),
    }
}

/// Prints every finding. The worst one determines the exit code.
#[tokio::main]
async fn preflight(arguments: PreflightArgs) -> ExitCode {
    let findings = match preflight::examine(arguments).await {
        Ok(findings) => findings,
        Err(error) => {
            eprintln!("operator preflight: {error:#}");
            return ExitCode::from(Verdict::Unavailable.exit_code());
        }
    };
    let text = finding::fitted(&findings);
    let worst = finding::worst(&findings);
    match write(&text) {
        Ok(()) => ExitCode::from(worst.exit_code()),
        Err(error) => unprinted("preflight", &error),
    }
}

fn print(name: &str, text: &str) -> ExitCode {
    match write(text) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => unprinted(name, &error),
    }
}

fn unprinted(name: &str, error: &io::Error) -> ExitCode {
    eprintln!("operator {name}: the output cannot be written: {error}");
    ExitCode::from(exit::OUTPUT)
}

/// A reader that closes the pipe early, such as `head`, is not an error.
fn write(text: &str) -> io::Result<()> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}
