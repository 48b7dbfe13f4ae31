//! Access to one key in AWS KMS.

use std::{borrow::Cow, error::Error, sync::Arc, time::Duration};

use aws_sdk_kms::{primitives::Blob, types::MessageType};
use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use tokio::time::Instant;

use super::{
    answer::{self, ALGORITHM},
    clients::{Client, Clients},
    credentials::Used,
    fault::{Heard, hear, is_of_the_clock},
    place::AwsPlace,
    public_key, remedy,
};
use crate::backend::{
    fault::{Cause, Fault},
    generation::Held,
    signing::Signature,
    upkeep::Upkeep,
    vendor::{BoxFuture, LoadError, Loaded, Session},
};

/// A key, and the client for it.
#[derive(Debug)]
pub struct AwsSession {
    upkeep: Upkeep<Client>,
    clients: Clients,
}

/// A running call.
struct Begun {
    at: Instant,
    credentials: Used,
}

impl AwsSession {
    /// A session for this key.
    pub fn new(place: AwsPlace) -> Self {
        Self {
            upkeep: Upkeep::new(Fault::new(Cause::Credentials, "no credentials yet")),
            clients: Clients::new(place),
        }
    }

    async fn load(&self) -> Result<Loaded, LoadError> {
        let client = self.upkeep.current()?;
        let key = &self.clients.place.key;
        let begun = self.begin();
        let answer = client.kms.get_public_key().key_id(key.as_str()).send().await;
        let answer = answer.map_err(|error| self.explain(&client, &begun, &error))?;
        let public_key = public_key::read(&answer, key)?;
        let mut facts = vec![
            "readable".to_owned(),
            "key spec ECC_NIST_EDWARDS25519".to_owned(),
            "usage SIGN_VERIFY".to_owned(),
            format!("algorithm {}", ALGORITHM.as_str()),
        ];
        if key.is_multi_region() {
            facts.push("a multi-Region key: its replicas sign as the same voter".to_owned());
        }
        Ok(Loaded { public_key, facts })
    }

    async fn sign(&self, bytes: &[u8]) -> Result<Signature, Fault> {
        let client = self.upkeep.current()?;
        let key = &self.clients.place.key;
        let request = client
            .kms
            .sign()
            .key_id(key.as_str())
            .message(Blob::new(bytes))
            .message_type(MessageType::Raw)
            .signing_algorithm(ALGORITHM);
        let begun = self.begin();
        let answer = request.send().await;
        let answer = answer.map_err(|error| self.explain(&client, &begun, &error))?;
        answer::check(&answer, key)
    }

    fn begin(&self) -> Begun {
        Begun {
            at: Instant::now(),
            credentials: self.clients.credentials.used(),
        }
    }

    /// Interprets an error. An error of the credentials causes new ones to be requested, with a new client.
    fn explain<E>(&self, client: &Held<Client>, begun: &Begun, error: &SdkError<E, HttpResponse>) -> Fault
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        let Heard { cause, code, text } = hear(error);
        let fault = Fault::new(cause, begun.credentials.hide(&text));
        // A client learns the service's clock from its first refusal. A new client would have to learn it again.
        let is_the_clock = || code.as_deref().is_some_and(is_of_the_clock) && !client.clock.is_known(begun.at);
        match cause {
            Cause::Credentials | Cause::Unauthenticated if !is_the_clock() => {
                self.clients.credentials.refuse(&begun.credentials);
                self.upkeep.renew_after(client);
            }
            // Trusted authorities may have changed. Each client reads them when it is created.
            Cause::Io => self.upkeep.renew_after(client),
            _ => {}
        }
        let who = || format!("asked as {}", self.clients.place.source.identity());
        match cause {
            // Names the identity that lacks the permission.
            Cause::PermissionDenied => fault.with_note(&who()),
            Cause::Unauthenticated => begun.credentials.explain(fault.with_note(&who())),
            _ => fault,
        }
    }
}

impl Session for AwsSession {
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
        Some(self.clients.place.source.identity())
    }

    fn remedy(&self, cause: Cause) -> Cow<'static, str> {
        remedy::remedy(cause, self.clients.trouble(), &self.clients.place).into()
    }
}
