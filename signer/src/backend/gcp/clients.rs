//! Creates clients of KMS.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use google_cloud_auth::credentials::{self, Credentials, anonymous};
use google_cloud_gax::retry_policy::NeverRetry;
use google_cloud_kms::client::KeyManagementService;
use http::Extensions;
use tokio::time::timeout;

use super::{
    endpoint::Endpoint,
    fault::without_credentials,
    federation::Federation,
    identity::identity,
    login::{Kept, Login},
};
use crate::backend::{
    chain::chain,
    fault::{Cause, Fault},
    generation::{Generation, Held},
    upkeep::{Maker, Step},
};

/// Time limit for the token of credentials that have provided one before. While it is valid, it is in memory. Afterwards, Google's
/// library waits without end for a renewal that is not answered.
const ESTABLISHED: Duration = Duration::from_secs(1);

/// Google's client, with its credentials.
#[derive(Clone, Debug)]
pub struct Client {
    pub kms: KeyManagementService,
    pub login: Arc<Login>,
}

/// Creates clients for one endpoint. All of them use the same credentials.
#[derive(Debug)]
pub struct Clients {
    pub endpoint: Option<Endpoint>,
    pub federation: Option<Federation>,
    identity: RwLock<Option<String>>,
    kept: Kept,
}

impl Clients {
    pub fn new(endpoint: Option<Endpoint>, federation: Option<Federation>) -> Self {
        Self {
            endpoint,
            federation,
            identity: RwLock::default(),
            kept: Kept::default(),
        }
    }

    /// The identity that KMS sees, once it is known.
    pub fn identity(&self) -> Option<String> {
        self.identity.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A test server for KMS gets no credentials, unless they also come from a test server.
    fn is_anonymous(&self) -> bool {
        self.federation.is_none() && self.endpoint.as_ref().is_some_and(|endpoint| endpoint.is_anonymous)
    }

    async fn credentials(&self) -> Result<Credentials, Fault> {
        match &self.federation {
            Some(federation) => federation.credentials().await,
            None if self.is_anonymous() => Ok(anonymous::Builder::new().build()),
            None => credentials::Builder::default()
                .build()
                .map_err(|error| without_credentials(&error)),
        }
    }

    /// Costs nothing while the credentials have a token.
    async fn token(&self, login: &Login, step: &Step) -> Result<(), Fault> {
        step.set("no token");
        let Err(error) = login.credentials.headers(Extensions::new()).await else {
            return Ok(());
        };
        Err(self.note_doubt(without_credentials(&error)).await)
    }

    /// A failure of the credentials, with a note if this host's clock does not agree with the token in the file.
    pub async fn note_doubt(&self, fault: Fault) -> Fault {
        let Some(federation) = &self.federation else {
            return fault;
        };
        match federation.token.token().await {
            Ok(token) => token.explain(fault),
            Err(_) => fault,
        }
    }

    /// Whether credentials that have provided a token still do.
    async fn token_again(&self, login: &Login, step: &Step) -> Result<(), Fault> {
        let given = timeout(ESTABLISHED, self.token(login, step)).await;
        given.unwrap_or_else(|_| {
            let text = format!("no token within {} s", ESTABLISHED.as_secs());
            Err(Fault::new(Cause::Credentials, text))
        })
    }

    async fn log_in(&self, step: &Step) -> Result<Arc<Login>, Fault> {
        // The credentials spawn tasks that outlive the client for which they were created.
        let generation = Generation::start()?;
        let credentials = generation.inside(self.credentials()).await?;
        let login = Login::new(Held::new(credentials, Arc::new(generation)));
        self.token(&login, step).await?;
        Ok(Arc::new(login))
    }

    async fn login(&self, step: &Step) -> Result<Arc<Login>, Fault> {
        let login = match self.kept.take() {
            Some(login) if self.token_again(&login, step).await.is_ok() => login,
            _ => self.log_in(step).await?,
        };
        self.kept.put(Arc::clone(&login));
        Ok(login)
    }

    async fn identify(&self) {
        if self.is_anonymous() || self.identity().is_some() {
            return;
        }
        let found = match &self.federation {
            Some(federation) => federation.identity().await,
            None => identity().await,
        };
        if let Some(found) = &found {
            tracing::info!("asking KMS as {found}");
        }
        *self.identity.write().unwrap_or_else(PoisonError::into_inner) = found;
    }
}

impl Maker for Clients {
    type Client = Client;

    async fn make(&self, step: &Step) -> Result<Client, Fault> {
        let login = self.login(step).await?;
        self.identify().await;
        // The service layer makes and counts attempts.
        let mut builder = KeyManagementService::builder()
            .with_credentials(Credentials::clone(&login.credentials))
            .with_retry_policy(NeverRetry);
        if let Some(endpoint) = &self.endpoint {
            builder = builder.with_endpoint(&endpoint.url);
        }
        step.set("no client for KMS (the metadata server did not report its universe domain)");
        let kms = builder.build().await.map_err(|error| {
            let text = format!("the client of KMS could not be made: {}", chain(&error));
            Fault::new(Cause::Credentials, text)
        })?;
        Ok(Client { kms, login })
    }

    async fn check(&self, client: &Client, step: &Step) -> Result<(), Fault> {
        self.kept.take();
        self.token_again(&client.login, step).await?;
        self.kept.put(Arc::clone(&client.login));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use google_cloud_auth::credentials::{CacheableResource, CredentialsProvider};
    use google_cloud_gax::error::CredentialsError;
    use http::HeaderMap;
    use tokio::time::Instant;

    use super::*;

    /// Credentials whose token has expired while the request for the next one is never answered.
    #[derive(Debug)]
    struct Hanging;

    impl CredentialsProvider for Hanging {
        async fn headers(&self, _: Extensions) -> Result<CacheableResource<HeaderMap>, CredentialsError> {
            pending().await
        }

        async fn universe_domain(&self) -> Option<String> {
            None
        }
    }

    fn hanging() -> Arc<Login> {
        let generation = Arc::new(Generation::start().unwrap());
        Arc::new(Login::new(Held::new(Credentials::from(Hanging), generation)))
    }

    fn clients() -> Clients {
        let endpoint = Endpoint {
            url: "http://127.0.0.1:1".to_owned(),
            is_anonymous: true,
        };
        Clients::new(Some(endpoint), None)
    }

    async fn soon<T>(work: impl Future<Output = T>) -> (T, Duration) {
        let start = Instant::now();
        let done = timeout(Duration::from_mins(1), work).await;
        (done.unwrap(), start.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn credentials_that_hang_make_way_for_others_after_a_second() {
        let (clients, old) = (clients(), hanging());
        clients.kept.put(Arc::clone(&old));
        let (login, took) = soon(clients.login(&Step::default())).await;
        assert!(!Arc::ptr_eq(&login.unwrap(), &old));
        assert_eq!(took, Duration::from_secs(1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_whose_credentials_hang_is_found_out_after_a_second() {
        let clients = clients();
        let Client { kms, .. } = clients.make(&Step::default()).await.unwrap();
        let login = hanging();
        let (checked, took) = soon(clients.check(&Client { kms, login }, &Step::default())).await;
        assert_eq!(checked.unwrap_err().to_string(), "CREDENTIALS: no token within 1 s");
        assert_eq!(took, Duration::from_secs(1));
        assert!(clients.kept.take().is_none(), "they are not used again");
    }
}
