//! Which cluster the command line names, as with kubectl.

use std::path::PathBuf;

use clap::Args;

/// The cluster. Default: the one that kubectl uses.
#[derive(Args, Clone, Debug, Default)]
pub struct Choice {
    /// The kubeconfig file. Default: those of KUBECONFIG, or ~/.kube/config.
    #[arg(long, global = true, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,

    /// The context of the kubeconfig. Default: its current context.
    #[arg(long, global = true, value_name = "NAME")]
    pub context: Option<String>,
}
