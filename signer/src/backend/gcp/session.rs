//! Google Cloud KMS, asked for one key version.

use std::{
    borrow::Cow,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use google_cloud_auth::credentials::{self, Credentials, anonymous};
use google_cloud_gax::{error::Error, retry_policy::NeverRetry};
use google_cloud_kms::client::KeyManagementService;
use http::Extensions;

use super::{
    answer,
    endpoint::Endpoint,
    fault::{self, without_credentials},
    identity::{identity, uses_a_file},
    public_key, remedy,
};
use crate::backend::{
    chain::chain,
    fault::{Cause, Fault},
    generation::Held,
    signing::Signature,
    upkeep::{Maker, Step, Upkeep},
    vendor::{BoxFuture, LoadError, Loaded, Session},
};

/// A key version, and the client that asks for it.
#[derive(Debug)]
pub struct GcpSession {
    key_version: String,
    upkeep: Upkeep<Client>,
    clients: Clients,
}

/// Google's client, and its credentials: they give up for good after one refusal of the metadata server.
#[derive(Clone, Debug)]
struct Client {
    kms: KeyManagementService,
    credentials: Credentials,
}

/// How clients are made.
#[derive(Debug)]
struct Clients {
    endpoint: Option<Endpoint>,
    identity: RwLock<Option<String>>,
}

impl GcpSession {
    /// Asks for this key version, at this endpoint instead of Google's own.
    pub fn new(key_version: String, endpoint: Option<Endpoint>) -> Self {
        Self {
            key_version,
            upkeep: Upkeep::new(Fault::new(
                Cause::Credentials,
                "no token yet: the metadata server or the key file has not given one",
            )),
            clients: Clients {
                endpoint,
                identity: RwLock::default(),
            },
        }
    }

    async fn load(&self) -> Result<Loaded, LoadError> {
        let client = self.upkeep.current()?;
        let answer = client.kms.get_public_key().set_name(&self.key_version).send().await;
        let answer = answer.map_err(|error| self.explain(&client, &error))?;
        Ok(Loaded {
            public_key: public_key::read(&answer, &self.key_version)?,
            facts: ["readable", "its checksum right", "algorithm EC_SIGN_ED25519"]
                .map(str::to_owned)
                .to_vec(),
        })
    }

    async fn sign(&self, bytes: &[u8]) -> Result<Signature, Fault> {
        let client = self.upkeep.current()?;
        let request = client
            .kms
            .asymmetric_sign()
            .set_name(&self.key_version)
            .set_data(bytes::Bytes::copy_from_slice(bytes))
            .set_data_crc32c(i64::from(crc32c::crc32c(bytes)));
        let answer = request.send().await.map_err(|error| self.explain(&client, &error))?;
        answer::check(&answer, &self.key_version)
    }

    /// What an error means; one of the credentials asks for a new client in the place of this one.
    fn explain(&self, client: &Held<Client>, error: &Error) -> Fault {
        let fault = self.with_identity(fault::classify(error));
        if matches!(fault.cause, Cause::Credentials | Cause::Unauthenticated) {
            self.upkeep.renew_after(client);
        }
        fault
    }

    /// A role that is missing is missing to somebody.
    fn with_identity(&self, fault: Fault) -> Fault {
        if matches!(fault.cause, Cause::PermissionDenied | Cause::Unauthenticated)
            && let Some(identity) = self.clients.identity()
        {
            return fault.with_note(&format!("asked as {identity}"));
        }
        fault
    }
}

impl Session for GcpSession {
    fn upkeep(self: Arc<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async move { self.upkeep.run(&self.clients).await })
    }

    fn settled(&self, limit: Duration) -> BoxFuture<'_, ()> {
        Box::pin(self.upkeep.settled(limit))
    }

    fn load(&self) -> BoxFuture<'_, Result<Loaded, LoadError>> {
        Box::pin(self.load())
    }

    fn sign<'a>(&'a self, bytes: &'a [u8]) -> BoxFuture<'a, Result<Signature, Fault>> {
        Box::pin(self.sign(bytes))
    }

    fn renew(&self) {
        self.upkeep.renew();
    }

    fn generation(&self) -> u64 {
        self.upkeep.generation()
    }

    fn identity(&self) -> Option<String> {
        self.clients.identity()
    }

    fn remedy(&self, cause: Cause) -> Cow<'static, str> {
        remedy::remedy(cause, uses_a_file()).into()
    }
}

impl Clients {
    fn identity(&self) -> Option<String> {
        self.identity.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn identify(&self) {
        let is_anonymous = self.endpoint.as_ref().is_some_and(|endpoint| endpoint.is_anonymous);
        if is_anonymous || self.identity().is_some() {
            return;
        }
        let found = identity().await;
        if let Some(found) = &found {
            tracing::info!("asking KMS as {found}");
        }
        *self.identity.write().unwrap_or_else(PoisonError::into_inner) = found;
    }
}

impl Maker for Clients {
    type Client = Client;

    async fn make(&self, step: &Step) -> Result<Client, Fault> {
        let credentials = match &self.endpoint {
            Some(Endpoint { is_anonymous: true, .. }) => anonymous::Builder::new().build(),
            _ => credentials::Builder::default()
                .build()
                .map_err(|error| without_credentials(&error))?,
        };
        token(&credentials, step).await?;
        self.identify().await;
        // Attempts are the service's to make, and to count.
        let mut builder = KeyManagementService::builder()
            .with_credentials(credentials.clone())
            .with_retry_policy(NeverRetry);
        if let Some(endpoint) = &self.endpoint {
            builder = builder.with_endpoint(&endpoint.url);
        }
        step.set("no client of KMS, for which the metadata server is asked for its universe domain,");
        let kms = builder.build().await.map_err(|error| {
            let text = format!("the client of KMS could not be made: {}", chain(&error));
            Fault::new(Cause::Credentials, text)
        })?;
        Ok(Client { kms, credentials })
    }

    async fn check(&self, client: &Client, step: &Step) -> Result<(), Fault> {
        token(&client.credentials, step).await
    }
}

/// Costs nothing while the credentials have one.
async fn token(credentials: &Credentials, step: &Step) -> Result<(), Fault> {
    step.set("no token");
    let headers = credentials.headers(Extensions::new()).await;
    headers.map(|_| ()).map_err(|error| without_credentials(&error))
}
