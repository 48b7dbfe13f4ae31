//! The Deployment that a command is about.

use std::str::FromStr;

use clap::Args;
use kube::Client;

use super::failure::Failure;
use super::snapshot;
use crate::cluster::connect::{self, Choice};
use crate::cluster::fence::Fence;
use crate::cluster::liveness::Liveness;
use crate::config::ImageArgs;
use crate::controller::context::Context;
use crate::exit;
use crate::model::settings::Settings;

/// Which Deployment.
#[derive(Args, Clone, Debug)]
pub struct DeploymentArgs {
    /// `deployment/NAME`
    #[arg(value_name = "DEPLOYMENT")]
    pub deployment: DeploymentName,

    /// The namespace. Default: that of the current context.
    #[arg(short, long)]
    pub namespace: Option<String>,

    #[command(flatten)]
    pub images: ImageArgs,

    #[command(flatten)]
    pub cluster: Choice,
}

/// The name of a Deployment, given as kubectl takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeploymentName(pub String);

impl FromStr for DeploymentName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let kinds = [
            "deployment",
            "deployments",
            "deploy",
            "deployment.apps",
            "deployments.apps",
        ];
        match text.split_once('/') {
            Some((kind, name)) if kinds.contains(&kind) && !name.is_empty() && !name.contains('/') => {
                Ok(Self(name.to_owned()))
            }
            _ => Err(format!("found {text:?}, expected deployment/NAME")),
        }
    }
}

/// A client for the chosen cluster.
///
/// # Errors
/// No cluster is configured, or its configuration is wrong.
pub async fn connect(choice: Choice) -> Result<Client, Failure> {
    connect::client(choice, &Liveness::default(), &Fence::open())
        .await
        .map_err(|error| Failure::new(exit::UNAVAILABLE, format!("{error:#}")))
}

/// The Deployment, and the context of a reconcile.
pub struct Subject {
    pub context: Context,
    pub namespace: String,
    pub name: String,
}

impl Subject {
    pub async fn of(arguments: DeploymentArgs) -> Result<Self, Failure> {
        let DeploymentArgs {
            deployment: DeploymentName(name),
            namespace,
            images,
            cluster,
        } = arguments;
        let client = connect(cluster).await?;
        let namespace = namespace.unwrap_or_else(|| client.default_namespace().to_owned());
        Self::with(client, images.into(), &namespace, &name).await
    }

    pub async fn with(client: Client, settings: Settings, namespace: &str, name: &str) -> Result<Self, Failure> {
        Ok(Self {
            context: snapshot::context(client, settings, namespace).await?,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deployment_is_named_as_kubectl_names_it() {
        for text in ["deployment/voter", "deploy/voter", "deployments.apps/voter"] {
            assert_eq!(text.parse(), Ok(DeploymentName("voter".to_owned())), "{text}");
        }
        for text in ["voter", "pod/voter", "deployment/", "deployment/a/b"] {
            assert!(text.parse::<DeploymentName>().is_err(), "{text}");
        }
    }
}
