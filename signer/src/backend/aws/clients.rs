//! How clients of KMS are made.

use std::{
    sync::{Arc, Once, PoisonError, RwLock},
    time::{Duration, SystemTime},
};

use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_kms::config::{
    IdentityCache, Region, StalledStreamProtectionConfig, retry::RetryConfig, timeout::TimeoutConfig,
};
use tokio::time::timeout;

use super::{
    credentials::{Due, Kept},
    http::Http,
    place::AwsPlace,
    provider::{Provider, version},
    trouble::Trouble,
};
use crate::backend::{
    fault::{Cause, Fault},
    upkeep::{Maker, Step},
};

/// How long other credentials are waited for while the ones in use are good: less than a check may take.
const RENEWAL: Duration = Duration::from_secs(8);

/// A client of KMS, its credentials, and who gives others.
#[derive(Clone, Debug)]
pub struct Client {
    pub kms: aws_sdk_kms::Client,
    pub credentials: Arc<Kept>,
    provider: Arc<Provider>,
}

/// Makes clients for one key.
#[derive(Debug)]
pub struct Clients {
    pub place: AwsPlace,
    trouble: RwLock<Option<Trouble>>,
    told: Once,
}

impl Clients {
    pub fn new(place: AwsPlace) -> Self {
        Self {
            place,
            trouble: RwLock::default(),
            told: Once::new(),
        }
    }

    /// What was wrong with the credentials last.
    pub fn trouble(&self) -> Option<Trouble> {
        *self.trouble.read().unwrap_or_else(PoisonError::into_inner)
    }

    async fn renew(&self, client: &Client, step: &Step) -> Result<(), Fault> {
        let given = client.provider.credentials(step).await;
        let (result, trouble) = match given {
            Ok(credentials) => (client.credentials.put(credentials, SystemTime::now()), None),
            Err((fault, trouble)) => (Err(fault), Some(trouble)),
        };
        *self.trouble.write().unwrap_or_else(PoisonError::into_inner) = trouble;
        result
    }

    fn client(&self) -> Result<Client, Fault> {
        let AwsPlace { key, endpoints, .. } = &self.place;
        let http = Http::new()?;
        let credentials = Arc::<Kept>::default();
        let mut config = aws_sdk_kms::Config::builder();
        config.set_endpoint_url(endpoints.kms.clone());
        let config = config
            .behavior_version(version())
            .region(Region::new(key.region.clone()))
            .http_client(http.clone())
            .credentials_provider(SharedCredentialsProvider::from(Arc::clone(&credentials) as Arc<_>))
            // They are kept here.
            .identity_cache(IdentityCache::no_cache())
            // Attempts are the service's to make, to count and to bound.
            .retry_config(RetryConfig::disabled())
            .timeout_config(TimeoutConfig::disabled())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .use_fips(endpoints.is_fips)
            .use_dual_stack(endpoints.is_dual_stack);
        Ok(Client {
            kms: aws_sdk_kms::Client::from_conf(config.build()),
            credentials,
            provider: Arc::new(Provider::new(&self.place, &http)),
        })
    }
}

impl Maker for Clients {
    type Client = Client;

    async fn make(&self, step: &Step) -> Result<Client, Fault> {
        let client = self.client()?;
        self.renew(&client, step).await?;
        self.told
            .call_once(|| tracing::info!("asking KMS as {}", self.place.source.identity()));
        Ok(client)
    }

    /// Costs nothing before other credentials are due. While the old ones are good, it is no failure that there are no others.
    async fn check(&self, client: &Client, step: &Step) -> Result<(), Fault> {
        match client.credentials.due() {
            Due::No => Ok(()),
            Due::Now => self.renew(client, step).await,
            Due::Soon => {
                let renewed = timeout(RENEWAL, self.renew(client, step)).await.unwrap_or_else(|_| {
                    let text = format!("no answer within {} s", RENEWAL.as_secs());
                    Err(Fault::new(Cause::Credentials, text))
                });
                if let Err(fault) = renewed {
                    client.credentials.postpone();
                    tracing::warn!("the credentials could not be renewed, and are good for a while yet: {fault}");
                }
                Ok(())
            }
        }
    }
}
