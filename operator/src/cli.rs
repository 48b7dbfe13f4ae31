//! The command line: `operator run`, `operator crd`, `operator render`.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use clap::{Args, Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};

use crate::admin::{self, Admin};
use crate::config::{ImageArgs, RunArgs};
use crate::controller::run::controller;
use crate::controller::validate::{Settings, image_is_allowed};
use crate::gke::Project;
use crate::offline;
use crate::telemetry::{self, Metrics};

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

/// Parses the command line, runs, and says how it went. Exit codes follow sysexits: 64 usage, 65 data, 70 internal.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 64 } else { 0 });
        }
    };
    let result = match cli.command {
        Command::Run(arguments) => run(arguments),
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
            ExitCode::from(70)
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

#[tokio::main]
async fn run(arguments: RunArgs) -> anyhow::Result<()> {
    let RunArgs {
        admin_address,
        log_level,
        log_json,
        gke_project,
        upgrades,
        max_rollouts,
        images,
    } = arguments;
    telemetry::log(&log_level, log_json).map_err(|error| anyhow!(error))?;
    let mut settings = Settings::from(images);
    image_is_allowed(&settings.signer_image, &settings.allowed_signer_images).map_err(|_| {
        anyhow!(
            "--signer-image: found {}, expected an image that begins with one of --allowed-signer-images: {}; every binding without an image of its own would be refused",
            settings.signer_image,
            settings.allowed_signer_images.join(", ")
        )
    })?;
    rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .map_err(|_| anyhow!("another TLS provider was installed before ours"))?;
    let mut config = kube::Config::infer()
        .await
        .context("found no cluster: expected a service account (in a pod) or KUBECONFIG")?;
    // Tries again are the controller's, which knows what changed in the meantime.
    config.default_retry = false;
    let client = kube::Client::try_from(config).context("the cluster's configuration cannot be used")?;
    settings.project = Project::find(gke_project).await;
    settings.upgrades = upgrades;
    let metrics = Arc::new(Metrics::new()?);
    let listener = admin::bind(admin_address).await.map_err(|error| anyhow!(error))?;

    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let (context, running) = controller(client, settings, max_rollouts, metrics.clone(), async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping: what is under way is finished first");
    });
    let admin = tokio::spawn(
        axum::serve(
            listener,
            admin::router(Admin {
                metrics,
                bindings: context.bindings.clone(),
            }),
        )
        .into_future(),
    );
    tracing::info!(version = env!("CARGO_PKG_VERSION"), %admin_address, "the operator runs");
    running.await;
    admin.abort();
    Ok(())
}
