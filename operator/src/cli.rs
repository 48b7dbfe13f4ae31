//! The command line: `operator run`, `operator crd`, `operator render`.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::by_hand::{self, DeploymentArgs, Failure};
use crate::config::{ImageArgs, LeaseArgs, RunArgs, ScopeArgs};
use crate::fence::Fence;
use crate::offline;
use crate::preflight::{self, Verdict};
use crate::progress::Progress;
use crate::serve::{self, LeaseLost};

/// Gives Atto voter nodes a signer: injects it into the Deployments that SignerBindings name.
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
    /// Look whether this cluster has everything that the operator needs, a line each.
    Preflight(PreflightArgs),
    /// Say why a Deployment has, or has not, a signer, from live state.
    Explain(DeploymentArgs),
    /// Take the signer out of a Deployment that no SignerBinding is for.
    Remove(DeploymentArgs),
    /// Print the manifest of the SignerBinding's CustomResourceDefinition.
    Crd,
    /// Print a Deployment as a SignerBinding would make it, without a cluster.
    Render(RenderArgs),
}

/// Flags of `operator render`.
#[derive(Args, Debug)]
struct RenderArgs {
    /// A file with a SignerBinding, a Deployment, or both; may be given again. `-` reads standard input.
    #[arg(short, long = "filename", required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    #[command(flatten)]
    images: ImageArgs,
}

/// Flags of `operator preflight`.
#[derive(Args, Debug)]
struct PreflightArgs {
    #[command(flatten)]
    lease: LeaseArgs,

    #[command(flatten)]
    scope: ScopeArgs,
}

/// Parses the command line, runs, and says how it went. Exit codes follow sysexits: 64 usage, 65 data, 66 no
/// such Deployment, 69 unavailable, 70 internal, 75 try again, 77 permission, 78 configuration.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 64 } else { 0 });
        }
    };
    let result = match cli.command {
        Command::Run(arguments) => serve::run(arguments),
        Command::Preflight(arguments) => return preflight(arguments),
        Command::Explain(arguments) => return by_hand("explain", by_hand::explain(arguments)),
        Command::Remove(arguments) => return by_hand("remove", by_hand::remove(arguments)),
        Command::Crd => print(crds::MANIFEST),
        Command::Render(RenderArgs { files, images }) => match offline::render(&files, &images.into()) {
            Ok(text) => print(&text),
            Err(error) => {
                eprintln!("operator render: {error}");
                return ExitCode::from(65);
            }
        },
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("operator: {error:#}");
            ExitCode::from(if error.is::<LeaseLost>() { 75 } else { 70 })
        }
    }
}

#[tokio::main]
async fn by_hand(name: &str, command: impl Future<Output = Result<String, Failure>>) -> ExitCode {
    let failure = match command.await {
        Ok(text) => match print(&text) {
            Ok(()) => return ExitCode::SUCCESS,
            Err(error) => Failure {
                code: 74,
                text: error.to_string(),
            },
        },
        Err(failure) => failure,
    };
    eprintln!("operator {name}: {failure}");
    ExitCode::from(failure.code)
}

/// Prints every finding; the worst one decides the exit code.
#[tokio::main]
async fn preflight(PreflightArgs { lease, scope }: PreflightArgs) -> ExitCode {
    let client = match serve::client(&Progress::default(), &Fence::open()).await {
        Ok(client) => client,
        Err(error) => {
            eprintln!("operator preflight: {error:#}");
            return ExitCode::from(Verdict::Unavailable.exit_code());
        }
    };
    let namespace = lease
        .lease_namespace
        .unwrap_or_else(|| client.default_namespace().to_owned());
    let findings = preflight::examine(&client, &scope.into(), &namespace).await;
    let text: String = findings
        .iter()
        .flat_map(|finding| [finding.to_string(), "\n".to_owned()])
        .collect();
    let worst = findings
        .iter()
        .map(|finding| finding.verdict)
        .max()
        .unwrap_or(Verdict::Ok);
    match print(&text) {
        Ok(()) => ExitCode::from(worst.exit_code()),
        Err(error) => {
            eprintln!("operator preflight: {error:#}");
            ExitCode::from(74)
        }
    }
}

/// A reader that stops early, such as `head`, is not an error.
fn print(text: &str) -> anyhow::Result<()> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}
