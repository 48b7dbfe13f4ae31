//! Creates clients of KMS.

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
    clock::Clock,
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

/// How long a check waits for new credentials while the present ones are valid. Shorter than the limit of a check.
const RENEWAL: Duration = Duration::from_secs(8);

/// A client of KMS, with the provider of credentials that uses the same connections.
#[derive(Clone, Debug)]
pub struct Client {
    pub kms: aws_sdk_kms::Client,
    /// The clock of KMS.
    pub clock: Arc<Clock>,
    provider: Arc<Provider>,
}

/// Creates clients for one key. All of them use the same credentials.
#[derive(Debug)]
pub struct Clients {
    pub place: AwsPlace,
    pub credentials: Arc<Kept>,
    trouble: RwLock<Option<Trouble>>,
    told: Once,
}

impl Clients {
    pub fn new(place: AwsPlace) -> Self {
        Self {
            place,
            credentials: Arc::default(),
            trouble: RwLock::default(),
            told: Once::new(),
        }
    }

    /// The last failure of the credentials.
    pub fn trouble(&self) -> Option<Trouble> {
        *self.trouble.read().unwrap_or_else(PoisonError::into_inner)
    }

    async fn log_in(&self, client: &Client, step: &Step) -> Result<(), Fault> {
        let given = client.provider.credentials(step).await;
        let (result, trouble) = match given {
            Ok(credentials) => {
                self.credentials.put(credentials, SystemTime::now());
                (Ok(()), None)
            }
            Err((fault, trouble)) => (Err(fault), Some(trouble)),
        };
        *self.trouble.write().unwrap_or_else(PoisonError::into_inner) = trouble;
        result
    }

    /// While the old credentials are valid, a failed renewal is not an error.
    async fn renew(&self, client: &Client, step: &Step) {
        let renewed = timeout(RENEWAL, self.log_in(client, step)).await.unwrap_or_else(|_| {
            let text = format!("no answer within {} s", RENEWAL.as_secs());
            Err(Fault::new(Cause::Credentials, text))
        });
        if let Err(fault) = renewed {
            self.credentials.postpone();
            tracing::warn!("the credentials could not be renewed, and are still valid for a while: {fault}");
        }
    }

    fn client(&self) -> Result<Client, Fault> {
        let AwsPlace { key, endpoints, .. } = &self.place;
        let http = Http::new()?;
        let credentials = Arc::clone(&self.credentials);
        let mut config = aws_sdk_kms::Config::builder();
        config.set_endpoint_url(endpoints.kms.clone());
        let config = config
            .behavior_version(version())
            .region(Region::new(key.region.clone()))
            .http_client(http.clone())
            .credentials_provider(SharedCredentialsProvider::from(credentials as Arc<_>))
            // This program caches them itself.
            .identity_cache(IdentityCache::no_cache())
            // The service layer makes, counts and limits attempts.
            .retry_config(RetryConfig::disabled())
            .timeout_config(TimeoutConfig::disabled())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .use_fips(endpoints.is_fips)
            .use_dual_stack(endpoints.is_dual_stack);
        Ok(Client {
            kms: aws_sdk_kms::Client::from_conf(config.build()),
            clock: Arc::default(),
            provider: Arc::new(Provider::new(&self.place, &http)),
        })
    }
}

impl Maker for Clients {
    type Client = Client;

    async fn make(&self, step: &Step) -> Result<Client, Fault> {
        let client = self.client()?;
        match self.credentials.due() {
            Due::No => {}
            Due::Soon => self.renew(&client, step).await,
            Due::Refused | Due::Now => self.log_in(&client, step).await?,
        }
        self.told
            .call_once(|| tracing::info!("asking KMS as {}", self.place.source.identity()));
        Ok(client)
    }

    /// Costs nothing before new credentials are due. Refused ones are replaced together with the client. Until then, they are the
    /// only ones, and KMS may accept them again.
    async fn check(&self, client: &Client, step: &Step) -> Result<(), Fault> {
        match self.credentials.due() {
            Due::No | Due::Refused => Ok(()),
            Due::Soon => {
                self.renew(client, step).await;
                Ok(())
            }
            Due::Now => Err(Fault::new(
                Cause::Credentials,
                "the credentials have expired, and there are no new ones yet",
            )),
        }
    }
}
