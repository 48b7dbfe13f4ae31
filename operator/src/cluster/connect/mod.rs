//! Builds a client from the configuration.

mod choice;
mod configuration;
mod kubeconfig;
mod proxy;
mod tidy;
mod token_file;

use anyhow::anyhow;
use kube::Client;
use kube::client::{AuthError, ClientBuilder};

pub use choice::Choice;

use super::fence::Fence;
use super::liveness::Liveness;
use super::timeouts::Timeouts;

/// A client for the chosen cluster, or that of KUBECONFIG or of the service account. Its watches are supervised.
///
/// # Errors
/// Names the part of the configuration that cannot be used.
pub async fn client(choice: Choice, progress: &Liveness, fence: &Fence) -> anyhow::Result<Client> {
    rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .map_err(|_| anyhow!("another TLS provider was installed before the one of this program"))?;
    // Reading files blocks.
    let (config, token) = tokio::task::spawn_blocking(move || configuration::find(&choice)).await??;
    let builder = ClientBuilder::try_from(config).map_err(|error| without_secrets(&error))?;
    let builder = builder.with_layer(&token).with_layer(progress);
    Ok(builder.with_layer(&Timeouts::default()).with_layer(fence).build())
}

/// The output of a credential plugin and the variables it gets are secret.
fn without_secrets(error: &kube::Error) -> anyhow::Error {
    let told = match error {
        kube::Error::Auth(AuthError::AuthExecRun { out, .. }) => {
            let ended = out.status;
            return anyhow!(
                "the cluster's configuration cannot be used: exec: the credential plugin ended with {ended}, expected credentials; \
                 run it by hand to see why"
            );
        }
        kube::Error::Auth(AuthError::AuthExecParse(_)) => {
            "exec: found no ExecCredential in the output of the credential plugin".to_owned()
        }
        error => error.to_string(),
    };
    anyhow!("the cluster's configuration cannot be used: {told}")
}
