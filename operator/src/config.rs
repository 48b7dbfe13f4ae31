//! The configuration of `operator run`.

use std::net::SocketAddr;
use std::num::NonZeroUsize;

use clap::{ArgAction, Args};

use crate::model::scope::{NamespaceName, Scope};
use crate::model::settings::{Settings, Upgrades};

/// Signer image released with this version of the operator.
pub const DEFAULT_SIGNER_IMAGE: &str = concat!("ghcr.io/attocash/signer-operator/signer:", env!("CARGO_PKG_VERSION"));

/// Allowed prefixes of signer images by default.
pub const DEFAULT_ALLOWED_SIGNER_IMAGES: &str = "ghcr.io/attocash/signer-operator/signer";

/// Flags of `operator run`; each has a variable of the same name.
#[derive(Args, Clone, Debug)]
pub struct RunArgs {
    /// Address for /livez, /readyz and /metrics. `[::]` is every address, including those of IPv4.
    #[arg(long, env = "SIGNER_OPERATOR_ADMIN_ADDRESS", default_value = "[::]:8080")]
    pub admin_address: SocketAddr,

    /// Act only while holding the Lease `signer-operator`, so that several operators can run. If it is off, run only one operator.
    #[arg(long, env = "SIGNER_OPERATOR_LEADER_ELECTION", default_value_t = true, action = ArgAction::Set)]
    pub leader_election: bool,

    #[command(flatten)]
    pub lease: LeaseArgs,

    /// How much the operator logs: error, warn, info, debug or trace, or a filter of tracing-subscriber.
    #[arg(long, env = "SIGNER_OPERATOR_LOG_LEVEL", default_value = "info")]
    pub log_level: String,

    /// Log one JSON object per line.
    #[arg(long, env = "SIGNER_OPERATOR_LOG_JSON", action = ArgAction::SetTrue)]
    pub log_json: bool,

    /// The Google Cloud project of the cluster, for the commands that the condition IdentityReady prints. Only needed if the
    /// metadata server does not report it.
    #[arg(long, env = "SIGNER_OPERATOR_GKE_PROJECT", value_name = "PROJECT_ID")]
    pub gke_project: Option<String>,

    /// What to do with Deployments that an earlier operator version rendered differently: `hold` keeps them until the next change
    /// of the binding or token, or an approval; `roll` writes them at once.
    #[arg(long, env = "SIGNER_OPERATOR_UPGRADES", value_enum, default_value_t)]
    pub upgrades: Upgrades,

    /// Before replacing running pods, create the new pod with `dryRun=All`, and leave the Deployment as it is if the API server
    /// refuses the pod. Needs the right to create pods; without it, nothing is tested.
    #[arg(long, env = "SIGNER_OPERATOR_TRY_BEFORE_ROLL", default_value_t = true, action = ArgAction::Set)]
    pub try_before_roll: bool,

    /// How many Deployments may roll out at once, at least 1. Changed tokens go first. Default: any number.
    #[arg(long, env = "SIGNER_OPERATOR_MAX_ROLLOUTS", value_name = "NUMBER")]
    pub max_rollouts: Option<NonZeroUsize>,

    #[command(flatten)]
    pub metrics: MetricsArgs,

    #[command(flatten)]
    pub scope: ScopeArgs,

    #[command(flatten)]
    pub images: ImageArgs,
}

/// What the metrics show.
#[derive(Args, Clone, Copy, Debug)]
pub struct MetricsArgs {
    /// Show each SignerBinding and each of its Deployments by name in the metrics (`atto_signer_operator_binding_…`): about 45 series
    /// for a SignerBinding with one Deployment. Without them, alerts give counts.
    #[arg(long, env = "SIGNER_OPERATOR_BINDING_METRICS", default_value_t = true, action = ArgAction::Set)]
    pub binding_metrics: bool,
}

/// The scope of the operator.
#[derive(Args, Clone, Debug)]
pub struct ScopeArgs {
    /// The namespaces whose SignerBindings the operator manages, separated by commas. Default: all.
    #[arg(
        long,
        env = "SIGNER_OPERATOR_WATCH_NAMESPACES",
        value_name = "NAMESPACES",
        value_delimiter = ','
    )]
    pub watch_namespaces: Vec<NamespaceName>,

    /// The operator only has Roles in these namespaces and no ClusterRole. It refuses `deletionPolicy: Remove`, because a namespace
    /// that is being deleted may lose its Role first.
    #[arg(long, env = "SIGNER_OPERATOR_STRICT_RBAC", action = ArgAction::SetTrue, requires = "watch_namespaces")]
    pub strict_rbac: bool,
}

impl From<ScopeArgs> for Scope {
    fn from(
        ScopeArgs {
            watch_namespaces,
            strict_rbac,
        }: ScopeArgs,
    ) -> Self {
        Self::new(watch_namespaces, strict_rbac)
    }
}

/// Where the operator's own Lease is.
#[derive(Args, Clone, Debug)]
pub struct LeaseArgs {
    /// The namespace of the Lease `signer-operator`. Default: the operator's own.
    #[arg(long, env = "SIGNER_OPERATOR_LEASE_NAMESPACE")]
    pub lease_namespace: Option<String>,
}

/// Flags for the image of the signer.
#[derive(Args, Clone, Debug)]
pub struct ImageArgs {
    /// Image of the signer for bindings that name none.
    #[arg(long, env = "SIGNER_OPERATOR_SIGNER_IMAGE", default_value = DEFAULT_SIGNER_IMAGE)]
    pub signer_image: String,

    /// Allowed prefixes of signer images, separated by commas. A prefix ends at a `/`, `:` or `@` of the image.
    #[arg(
        long,
        env = "SIGNER_OPERATOR_ALLOWED_SIGNER_IMAGES",
        value_delimiter = ',',
        default_value = DEFAULT_ALLOWED_SIGNER_IMAGES
    )]
    pub allowed_signer_images: Vec<String>,
}

impl From<ImageArgs> for Settings {
    fn from(
        ImageArgs {
            signer_image,
            allowed_signer_images,
        }: ImageArgs,
    ) -> Self {
        Self {
            signer_image,
            allowed_signer_images: allowed_signer_images
                .into_iter()
                .map(|prefix| prefix.trim().to_owned())
                .filter(|prefix| !prefix.is_empty())
                .collect(),
            ..Self::default()
        }
    }
}
