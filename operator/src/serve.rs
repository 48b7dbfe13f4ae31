//! Starts and stops the operator.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::num::NonZeroUsize;
use std::sync::{Arc, OnceLock};

use anyhow::anyhow;
use crds::WrittenBy;
use futures::future::{Either, pending, select};
use kube::Client;
use tokio::sync::watch;

use crate::admin::{self, Admin};
use crate::cluster::audiences::audiences;
use crate::cluster::connect;
use crate::cluster::fence::Fence;
use crate::cluster::issuer::issuer;
use crate::cluster::stores::Stores;
use crate::config::{LeaseArgs, MetricsArgs, RunArgs};
use crate::controller::run::controller;
use crate::controller::validate::image_is_allowed;
use crate::gke::Project;
use crate::leader::{Candidate, Standing};
use crate::model::settings::Settings;
use crate::signals::Signals;
use crate::telemetry::{self, Metrics};

/// Another operator leads, or leadership is unclear. This one exits with `EX_TEMPFAIL`, so that two operators never write.
#[derive(Debug, thiserror::Error)]
#[error(
    "the Lease was lost ({0}): ending at once, so that two operators never write; after a restart this one waits for its turn"
)]
pub struct LeaseLost(String);

/// Serves until SIGTERM or SIGINT, and lets running reconciles finish.
///
/// # Errors
/// The operator could not start, or [`LeaseLost`].
#[tokio::main]
pub async fn run(arguments: RunArgs) -> anyhow::Result<()> {
    let RunArgs {
        admin_address,
        leader_election,
        lease: LeaseArgs { lease_namespace },
        log_level,
        log_json,
        gke_project,
        upgrades,
        try_before_roll,
        max_rollouts,
        metrics: MetricsArgs { binding_metrics },
        scope,
        images,
    } = arguments;
    telemetry::log(&log_level, log_json).map_err(|error| anyhow!(error))?;
    let mut settings = settings(images.into())?;
    settings.surroundings.project = Project::find(gke_project).await;
    settings.upgrades = upgrades;
    settings.try_before_roll = try_before_roll;
    settings.scope = scope.into();
    let metrics = Arc::new(if binding_metrics {
        Metrics::new()?
    } else {
        Metrics::without_names()?
    });
    let fence = if leader_election {
        Fence::closed()
    } else {
        Fence::open()
    };
    let client = connect::client(connect::Choice::default(), &metrics.progress, &fence).await?;
    settings.surroundings.issuer = issuer(&client).await;
    settings.surroundings.audiences = audiences().await;
    let listener = admin::bind(admin_address).await.map_err(|error| anyhow!(error))?;
    let namespace = lease_namespace.unwrap_or_else(|| client.default_namespace().to_owned());
    let identity = identity();
    let candidate = leader_election.then(|| Candidate::new(client.clone(), &namespace, identity.clone()));
    settings.operator = WrittenBy {
        lease_namespace: leader_election.then_some(namespace),
        identity,
        asks: None,
    };

    let (standing, seen) = watch::channel(Standing::Unknown);
    let stores = Arc::<OnceLock<Stores>>::default();
    let admin = Admin {
        metrics: metrics.clone(),
        standing: seen,
        stores: stores.clone(),
    };
    let admin = tokio::spawn(axum::serve(listener, admin::router(admin)).into_future());
    tracing::info!(version = env!("CARGO_PKG_VERSION"), %admin_address, "the operator is running");
    let start = Start {
        client,
        fence,
        settings,
        max_rollouts,
        metrics,
    };
    let result = lead(candidate.as_ref(), &standing, start, &stores).await;
    admin.abort();
    result
}

/// Everything that a controller is built from.
struct Start {
    client: Client,
    fence: Fence,
    settings: Settings,
    max_rollouts: Option<NonZeroUsize>,
    metrics: Arc<Metrics>,
}

/// Waits for leadership, runs the controller, and releases the Lease.
async fn lead(
    candidate: Option<&Candidate>,
    standing: &watch::Sender<Standing>,
    start: Start,
    shown: &OnceLock<Stores>,
) -> anyhow::Result<()> {
    let Start {
        client,
        fence,
        settings,
        max_rollouts,
        metrics,
    } = start;
    let mut signals = Signals::new()?;
    let mut lost = Either::Left(pending());
    if let Some(candidate) = candidate {
        let held = tokio::select! {
            held = candidate.lead(standing) => held,
            () = signals.next() => return Ok(()),
        };
        lost = Either::Right(candidate.keep(held, &fence));
    }
    standing.send_replace(Standing::Leading);
    metrics.leads(true);
    let stop = async move {
        signals.next().await;
        tracing::info!("stopping: requests in progress are finished first");
    };
    let (context, running) = controller(client, settings, max_rollouts, metrics.clone(), stop);
    // Set only once: a process leads once.
    let _ = shown.set(context.stores.clone());
    let ended = select(Box::pin(running), Box::pin(lost)).await;
    metrics.leads(false);
    match ended {
        Either::Right((cause, _)) => Err(LeaseLost(cause).into()),
        Either::Left(_) => {
            if let Some(candidate) = candidate {
                candidate.release().await;
            }
            Ok(())
        }
    }
}

fn settings(settings: Settings) -> anyhow::Result<Settings> {
    image_is_allowed(&settings.signer_image, &settings.allowed_signer_images).map_err(|_| {
        anyhow!(
            "--signer-image: found {}, expected an image that begins with one of --allowed-signer-images: {}; every binding without an image of its own would be refused",
            settings.signer_image,
            settings.allowed_signer_images.join(", ")
        )
    })?;
    Ok(settings)
}

/// A name that no other process has, including an earlier process of the same pod.
fn identity() -> String {
    let host = std::env::var("HOSTNAME").ok().filter(|name| !name.is_empty());
    // The operating system seeds it differently in each process.
    let random = RandomState::new().build_hasher().finish();
    format!("{}-{random:016x}", host.as_deref().unwrap_or("operator"))
}
