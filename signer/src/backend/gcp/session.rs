//! Access to one key version in Google Cloud KMS.

use std::{borrow::Cow, sync::Arc, time::Duration};

use google_cloud_gax::error::Error;

use super::{
    answer,
    clients::{Client, Clients},
    endpoint::Endpoint,
    fault,
    federation::Federation,
    identity::uses_a_file,
    public_key,
    remedy::{self, Proof},
};
use crate::backend::{
    fault::{Cause, Fault},
    generation::Held,
    signing::Signature,
    upkeep::Upkeep,
    vendor::{BoxFuture, LoadError, Loaded, Session},
};

/// A key version, and the client for it.
#[derive(Debug)]
pub struct GcpSession {
    key_version: String,
    upkeep: Upkeep<Client>,
    clients: Clients,
}

impl GcpSession {
    /// A session for this key version. `endpoint` and `federation` replace Google's address and the default credentials.
    pub fn new(key_version: String, endpoint: Option<Endpoint>, federation: Option<Federation>) -> Self {
        let nobody = if federation.is_some() {
            "no token yet: Google's token service has not exchanged one"
        } else {
            "no token yet: the metadata server or the key file has not given one"
        };
        Self {
            key_version,
            upkeep: Upkeep::new(Fault::new(Cause::Credentials, nobody)),
            clients: Clients::new(endpoint, federation),
        }
    }

    async fn load(&self) -> Result<Loaded, LoadError> {
        let client = self.upkeep.current()?;
        let answer = match client.kms.get_public_key().set_name(&self.key_version).send().await {
            Ok(answer) => answer,
            Err(error) => return Err(self.explain(&client, &error).await.into()),
        };
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
        match request.send().await {
            Ok(answer) => answer::check(&answer, &self.key_version),
            Err(error) => Err(self.explain(&client, &error).await),
        }
    }

    /// Interprets an error. After an error of the credentials, a new client requests new credentials.
    async fn explain(&self, client: &Held<Client>, error: &Error) -> Fault {
        let fault = self.with_identity(fault::classify(error));
        match fault.cause {
            Cause::Credentials | Cause::Unauthenticated => {
                client.login.refuse();
                self.upkeep.renew_after(client);
            }
            // Trusted authorities may have changed. Each client reads them when it is created.
            Cause::Io => self.upkeep.renew_after(client),
            _ => {}
        }
        match fault.cause {
            Cause::Credentials => self.clients.note_doubt(fault).await,
            _ => fault,
        }
    }

    /// Names the identity that lacks a role.
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
