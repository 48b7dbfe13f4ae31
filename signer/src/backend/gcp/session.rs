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
    federation::Federation,
    identity::{identity, uses_a_file},
    public_key,
    remedy::{self, Proof},
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
    federation: Option<Federation>,
    identity: RwLock<Option<String>>,
}

impl GcpSession {
    /// Asks for this key version, at this endpoint instead of Google's own, and with these credentials instead of the default ones.
    pub fn new(key_version: String, endpoint: Option<Endpoint>, federation: Option<Federation>) -> Self {
        let nobody = if federation.is_some() {
            "no token yet: Google's token service has not exchanged one"
        } else {
            "no token yet: the metadata server or the key file has not given one"
        };
        Self {
            key_version,
            upkeep: Upkeep::new(Fault::new(Cause::Credentials, nobody)),
            clients: Clients {
                endpoint,
                federation,
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

    /// What an error means; one of the credentials asks for a new client instead of this one.
    fn explain(&self, client: &Held<Client>, error: &Error) -> Fault {
        let fault = self.with_identity(fault::classify(error));
        // The authorities that are trusted may be others now, and each client reads them when it is made.
        if matches!(fault.cause, Cause::Credentials | Cause::Unauthenticated | Cause::Io) {
            self.upkeep.renew_after(client);
        }
        fault
    }

    /// A missing role belongs to an identity, so the message names it.
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
        let proof = match &self.clients.federation {
            Some(_) => Proof::Federation,
            None if uses_a_file() => Proof::File,
            None => Proof::Pod,
        };
        remedy::remedy(cause, proof).into()
    }
}

impl Clients {
    fn identity(&self) -> Option<String> {
        self.identity.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A stand-in for KMS is asked without credentials, unless they are of a stand-in too.
    fn is_anonymous(&self) -> bool {
        self.federation.is_none() && self.endpoint.as_ref().is_some_and(|endpoint| endpoint.is_anonymous)
    }

    async fn credentials(&self) -> Result<Credentials, Fault> {
        match &self.federation {
            Some(federation) => federation.credentials().await,
            None if self.is_anonymous() => Ok(anonymous::Builder::new().build()),
            None => credentials::Builder::default()
                .build()
                .map_err(|error| without_credentials(&error, None)),
        }
    }

    /// Costs nothing while the credentials have one.
    async fn token(&self, credentials: &Credentials, step: &Step) -> Result<(), Fault> {
        step.set("no token");
        let Err(error) = credentials.headers(Extensions::new()).await else {
            return Ok(());
        };
        let shown = match &self.federation {
            Some(federation) => federation.token.token().await.ok(),
            None => None,
        };
        Err(without_credentials(&error, shown.as_ref()))
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
        let credentials = self.credentials().await?;
        self.token(&credentials, step).await?;
        self.identify().await;
        // Attempts are the service's to make, and to count.
        let mut builder = KeyManagementService::builder()
            .with_credentials(credentials.clone())
            .with_retry_policy(NeverRetry);
        if let Some(endpoint) = &self.endpoint {
            builder = builder.with_endpoint(&endpoint.url);
        }
        step.set("no client for KMS (the metadata server did not report its universe domain)");
        let kms = builder.build().await.map_err(|error| {
            let text = format!("the client of KMS could not be made: {}", chain(&error));
            Fault::new(Cause::Credentials, text)
        })?;
        Ok(Client { kms, credentials })
    }

    async fn check(&self, client: &Client, step: &Step) -> Result<(), Fault> {
        self.token(&client.credentials, step).await
    }
}
