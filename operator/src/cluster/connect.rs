//! From a configuration to a client.

use anyhow::{Context as _, anyhow};
use kube::Client;
use kube::client::ClientBuilder;

use super::fence::Fence;
use super::liveness::Liveness;
use super::timeouts::Timeouts;

/// The cluster of the service account or of KUBECONFIG, its watches observed.
pub async fn client(progress: &Liveness, fence: &Fence) -> anyhow::Result<Client> {
    rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .map_err(|_| anyhow!("another TLS provider was installed before ours"))?;
    let mut config = kube::Config::infer()
        .await
        .context("found no cluster: expected a service account (in a pod) or KUBECONFIG")?;
    // Tries again are the controller's, which knows what changed in the meantime.
    config.default_retry = false;
    let builder = ClientBuilder::try_from(config).context("the cluster's configuration cannot be used")?;
    let builder = builder.with_layer(progress).with_layer(&Timeouts::default());
    Ok(builder.with_layer(fence).build())
}
