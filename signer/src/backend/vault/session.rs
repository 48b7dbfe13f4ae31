//! Access to one version of a key in OpenBao or Vault.

use std::{borrow::Cow, sync::Arc, time::Duration};

use bytes::Bytes;
use data_encoding::BASE64;
use serde::{Serialize, de::DeserializeOwned};
use tokio::{task::JoinHandle, time::Instant};

use super::{
    answer::Signed,
    credentials::{Credentials, no_token_yet},
    fault::{Refusal, failed_check},
    http::{Ask, Http},
    key::KeyVersion,
    lease::{Lease, Verdict},
    place::Place,
    public_key::Read,
    remedy,
};
use crate::backend::{
    fault::{Cause, Fault},
    generation::Held,
    signing::Signature,
    upkeep::{Maker, Step, Upkeep},
    vendor::{BoxFuture, LoadError, Loaded, Session},
};

/// A key version, and the client for it.
#[derive(Debug)]
pub struct VaultSession {
    upkeep: Upkeep<Client>,
    clients: Clients,
    key_path: String,
    sign_path: String,
}

/// Connections, and the tasks that keep the token valid while they are in use.
#[derive(Clone, Debug)]
struct Client {
    http: Http,
    keeper: Arc<JoinHandle<()>>,
}

/// Creates clients. All of them use the same token, because stale connections are no reason for another login.
#[derive(Debug)]
struct Clients {
    place: Place,
    credentials: Arc<Credentials>,
}

#[derive(Serialize)]
struct Sign {
    input: String,
    key_version: u32,
}

impl VaultSession {
    pub fn new(place: Place) -> Self {
        let KeyVersion { mount, name, .. } = &place.key;
        Self {
            upkeep: Upkeep::new(no_token_yet()),
            key_path: format!("{mount}/keys/{name}"),
            sign_path: format!("{mount}/sign/{name}"),
            clients: Clients {
                credentials: Arc::new(Credentials::new(place.auth.clone(), place.address.url.clone())),
                place,
            },
        }
    }

    async fn load(&self) -> Result<Loaded, LoadError> {
        let answer: Read = self.ask(&self.key_path, None).await?;
        answer.load(&self.clients.place.key)
    }

    async fn sign(&self, bytes: &[u8]) -> Result<Signature, Fault> {
        let version = self.clients.place.key.version;
        // Neither `prehashed` nor a hash algorithm: with them, Vault would sign as Ed25519ph, which Atto does not accept.
        let body = serde_json::to_vec(&Sign {
            input: BASE64.encode(bytes),
            key_version: version,
        });
        let body = body.map_err(|error| failed_check(error.to_string()))?;
        let answer: Signed = self.ask(&self.sign_path, Some(body.into())).await?;
        answer.signature(version)
    }

    async fn ask<T: DeserializeOwned>(&self, path: &str, body: Option<Bytes>) -> Result<T, Fault> {
        let client = self.upkeep.current()?;
        let lease = self
            .clients
            .credentials
            .current()
            .inspect_err(|_| self.upkeep.renew_after(&client))?;
        let begun = Instant::now();
        let ask = Ask {
            body,
            path,
            token: Some(&lease.token),
            secret: None,
            // The caller limits the time, and reports that the connections may be stale.
            limit: None,
        };
        match client.http.ask(ask).await {
            Ok(answer) => {
                lease.note_success();
                Ok(answer)
            }
            Err(refusal) => Err(self.explain(&client, &lease, begun, refusal).await),
        }
    }

    /// Interprets a refusal: a denial does not say whether the token or its permission is the cause.
    async fn explain(&self, client: &Held<Client>, lease: &Arc<Lease>, begun: Instant, refusal: Refusal) -> Fault {
        let is_denial = refusal.is_denial();
        let Refusal { fault, .. } = refusal;
        if is_denial {
            match self.clients.credentials.examine(&client.http, lease, begun).await {
                Verdict::Good => {}
                Verdict::Dead(dead) => {
                    // Unless another token exists already.
                    if self.clients.credentials.current().is_err() {
                        self.upkeep.renew_after(client);
                    }
                    return dead;
                }
                Verdict::Unknown(unknown) => return unknown,
            }
        }
        match fault.cause {
            Cause::PermissionDenied => fault.with_note(&format!("asked as {}", lease.identity)),
            // Trusted certificates may have changed. Each client reads them when it is created. The token stays.
            Cause::Unauthenticated | Cause::Io => {
                self.upkeep.renew_after(client);
                fault
            }
            _ => fault,
        }
    }
}

impl Session for VaultSession {
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
        let lease = self.clients.credentials.current().ok()?;
        Some(lease.identity.clone())
    }

    fn remedy(&self, cause: Cause) -> Cow<'static, str> {
        remedy::remedy(cause, &self.clients.place).into()
    }
}

impl Maker for Clients {
    type Client = Client;

    async fn make(&self, step: &Step) -> Result<Client, Fault> {
        let Place {
            address,
            ca_file,
            namespace,
            ..
        } = &self.place;
        step.set("no certificates of the authority");
        let http = Http::new(address, ca_file.as_deref(), namespace.as_deref()).await?;
        step.set("no token");
        self.credentials.ensure(&http).await?;
        let (credentials, kept) = (self.credentials.clone(), http.clone());
        let keeper = tokio::spawn(async move { credentials.keep(&kept).await });
        Ok(Client {
            http,
            keeper: Arc::new(keeper),
        })
    }

    async fn check(&self, client: &Client, _: &Step) -> Result<(), Fault> {
        if client.keeper.is_finished() {
            return Err(Fault::new(
                Cause::Other,
                "the task that renews the token has ended, which is a defect",
            ));
        }
        self.credentials.current().map(|_| ())
    }
}
