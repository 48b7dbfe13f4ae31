//! The provider of credentials.

use std::path::PathBuf;

use aws_config::{
    ecs::EcsCredentialsProvider,
    environment::EnvironmentVariableCredentialsProvider,
    imds::{self, credentials::ImdsCredentialsProvider},
    provider_config::ProviderConfig,
};
use aws_credential_types::{
    Credentials,
    provider::{ProvideCredentials, error::CredentialsError},
};
use aws_sdk_sts::config::{
    BehaviorVersion, Region, StalledStreamProtectionConfig, retry::RetryConfig, timeout::TimeoutConfig,
};

use super::{http::Http, place::AwsPlace, source::Source, trouble::Trouble, web_identity::WebIdentity};
use crate::{
    backend::{
        chain::chain,
        fault::{Cause, Fault},
        secret_file,
        upkeep::Step,
    },
    one_line::cut,
};

/// The variable with the token for the agent of EKS Pod Identity.
const AGENT_TOKEN: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";
/// Maximum length of a path in a message.
const SHOWN: usize = 120;

/// Provides new credentials on each call.
#[derive(Debug)]
pub enum Provider {
    Keys(EnvironmentVariableCredentialsProvider),
    WebIdentity(Box<WebIdentity>),
    Container(Box<EcsCredentialsProvider>),
    Instance(ImdsCredentialsProvider),
}

impl Provider {
    pub fn new(place: &AwsPlace, http: &Http) -> Self {
        let region = Region::new(place.key.region.clone());
        // The upkeep retries.
        let config = || {
            ProviderConfig::without_region()
                .with_region(Some(region.clone()))
                .with_http_client(http.clone())
                .with_retry_config(RetryConfig::disabled())
        };
        match &place.source {
            Source::Keys => Self::Keys(EnvironmentVariableCredentialsProvider::new()),
            Source::WebIdentity { role, session, file } => {
                let mut sts = aws_sdk_sts::Config::builder();
                sts.set_endpoint_url(place.endpoints.sts.clone());
                let sts = sts
                    .behavior_version(version())
                    .region(region)
                    .http_client(http.clone())
                    .retry_config(RetryConfig::disabled())
                    .timeout_config(TimeoutConfig::disabled())
                    .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
                    .use_fips(place.endpoints.is_fips && place.endpoints.sts.is_none())
                    .use_dual_stack(place.endpoints.is_dual_stack && place.endpoints.sts.is_none());
                Self::WebIdentity(Box::new(WebIdentity {
                    sts: aws_sdk_sts::Client::from_conf(sts.build()),
                    role: role.clone(),
                    session: session.clone(),
                    file: file.clone(),
                }))
            }
            Source::Container => {
                Self::Container(Box::new(EcsCredentialsProvider::builder().configure(&config()).build()))
            }
            Source::Instance => {
                let client = imds::Client::builder().configure(&config()).max_attempts(1).build();
                Self::Instance(
                    ImdsCredentialsProvider::builder()
                        .configure(&config())
                        .imds_client(client)
                        .build(),
                )
            }
        }
    }

    /// New credentials.
    pub async fn credentials(&self, step: &Step) -> Result<Credentials, (Fault, Trouble)> {
        step.set("no credentials");
        let given = match self {
            Self::WebIdentity(own) => return own.credentials(step).await,
            Self::Keys(keys) => keys.provide_credentials().await,
            Self::Container(agent) => {
                agent_token().await?;
                step.set("no answer from the agent that provides the credentials");
                agent.provide_credentials().await
            }
            Self::Instance(machine) => {
                step.set("no answer from the instance metadata");
                machine.provide_credentials().await
            }
        };
        given.map_err(|error| {
            let trouble = match error {
                CredentialsError::ProviderError(_) => Trouble::Service,
                _ => Trouble::Way,
            };
            (Fault::new(Cause::Credentials, chain(&error)), trouble)
        })
    }
}

/// The version of the SDK's behaviour that this program was tested with. A newer one is a deliberate change.
pub fn version() -> BehaviorVersion {
    BehaviorVersion::v2026_01_12()
}

/// The SDK reports that a file is missing, but not which.
async fn agent_token() -> Result<(), (Fault, Trouble)> {
    let Some(path) = std::env::var_os(AGENT_TOKEN).filter(|path| !path.is_empty()) else {
        return Ok(());
    };
    let file = PathBuf::from(&path);
    let read = tokio::task::spawn_blocking(move || secret_file::read(&file).map(|_| ())).await;
    read.unwrap_or_else(|_| Err("unreadable content".to_owned()))
        .map_err(|found| {
            let path = cut(&path.to_string_lossy(), SHOWN);
            let text = format!("{AGENT_TOKEN}: found {found} in {path}, expected the token for the agent");
            (Fault::new(Cause::Credentials, text), Trouble::Token)
        })
}
