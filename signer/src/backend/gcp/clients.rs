//! The client of KMS is disposable: Google's credentials give up for good after one refusal of the metadata server, and
//! wait for ever for one that accepts and does not answer. So a new client with new credentials takes the place of one
//! that has trouble, once it has a token.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use google_cloud_auth::credentials::{self, Credentials, anonymous};
use google_cloud_gax::{error::Error, retry_policy::NeverRetry};
use google_cloud_kms::client::KeyManagementService;
use http::Extensions;
use tokio::{
    sync::Notify,
    time::{Instant, sleep, sleep_until, timeout},
};

use super::{fault, identity::identity, location::Endpoint};
use crate::backend::fault::{Cause, Fault};

/// How long a token may take.
const TOKEN_LIMIT: Duration = Duration::from_secs(10);
/// How often the credentials are asked for their token, which costs nothing while they have one.
const TOKEN_CHECK: Duration = Duration::from_secs(5);
/// Between two clients: 5 s for the first minute, then longer and longer.
const PAUSES: [Duration; 4] = [
    Duration::from_secs(10),
    Duration::from_secs(20),
    Duration::from_secs(40),
    Duration::from_mins(1),
];
const FIRST_PAUSE: Duration = Duration::from_secs(5);
const FIRST_PAUSES: usize = 12;
/// A client that lived this long had no trouble.
const CALM: Duration = Duration::from_mins(2);

/// The client in use, and how to make another one.
#[derive(Debug)]
pub struct Clients {
    endpoint: Option<Endpoint>,
    current: RwLock<Result<KeyManagementService, Fault>>,
    identity: RwLock<Option<String>>,
    stale: Notify,
    changed: Notify,
}

impl Clients {
    /// Asks KMS at this endpoint; nothing is asked before [`Clients::keep`] runs.
    pub fn new(endpoint: Option<Endpoint>) -> Arc<Self> {
        Arc::new(Self {
            endpoint,
            current: RwLock::new(Err(Fault::new(
                Cause::Credentials,
                "no token yet: the metadata server or the key file has not given one",
            ))),
            identity: RwLock::default(),
            stale: Notify::new(),
            changed: Notify::new(),
        })
    }

    /// The client in use.
    pub fn current(&self) -> Result<KeyManagementService, Fault> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until there is a client, or a reason why there is none, at most for this long.
    pub async fn settle(&self, limit: Duration) {
        let changed = self.changed.notified();
        if self.current().is_err() {
            // Who is late finds out from what `current` returns.
            let _ = timeout(limit, changed).await;
        }
    }

    /// Connections or credentials may be stale.
    pub fn renew(&self) {
        self.stale.notify_one();
    }

    /// Who the credentials are of, as far as they say.
    pub fn identity(&self) -> Option<String> {
        self.identity.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What an error means; one of the credentials asks for a new client.
    pub fn explain(&self, error: &Error) -> Fault {
        let fault = self.with_identity(fault::classify(error));
        if matches!(fault.cause, Cause::Credentials | Cause::Unauthenticated) {
            self.renew();
        }
        fault
    }

    /// A role that is missing is missing to somebody.
    fn with_identity(&self, mut fault: Fault) -> Fault {
        if matches!(fault.cause, Cause::PermissionDenied | Cause::Unauthenticated)
            && let Some(identity) = self.identity()
        {
            fault.text = format!("{} (asked as {identity})", fault.text).into();
        }
        fault
    }

    /// Makes clients, one after the other, for as long as the program runs.
    pub async fn keep(self: Arc<Self>) {
        let mut in_a_row = 0;
        loop {
            let start = Instant::now();
            match self.build().await {
                Ok((client, credentials)) => {
                    self.set(Ok(client));
                    let fault = self.serve(&credentials).await;
                    if let Some(fault) = fault {
                        tracing::warn!("the credentials give no token any more ({fault}): making new ones");
                    }
                }
                Err(fault) => {
                    if self.current().is_err() {
                        self.set(Err(fault));
                    }
                }
            }
            in_a_row = if start.elapsed() >= CALM { 0 } else { in_a_row + 1 };
            sleep_until(start + pause(in_a_row)).await;
        }
    }

    /// Returns when another client is needed, with what the credentials say if they are the reason.
    async fn serve(&self, credentials: &Credentials) -> Option<Fault> {
        loop {
            tokio::select! {
                () = self.stale.notified() => return None,
                () = sleep(TOKEN_CHECK) => {}
            }
            if let Err(fault) = token(credentials).await {
                return Some(fault);
            }
        }
    }

    async fn build(&self) -> Result<(KeyManagementService, Credentials), Fault> {
        let credentials = match &self.endpoint {
            Some(Endpoint { is_anonymous: true, .. }) => anonymous::Builder::new().build(),
            _ => credentials::Builder::default()
                .build()
                .map_err(|error| without_credentials(&error))?,
        };
        token(&credentials).await?;
        self.identify().await;
        // Attempts are the service's to make, and to count.
        let mut builder = KeyManagementService::builder()
            .with_credentials(credentials.clone())
            .with_retry_policy(NeverRetry);
        if let Some(endpoint) = &self.endpoint {
            builder = builder.with_endpoint(&endpoint.url);
        }
        let client = builder.build().await.map_err(|error| {
            let text = format!("the client of KMS could not be made: {}", fault::chain(&error));
            Fault::new(Cause::Credentials, text)
        })?;
        Ok((client, credentials))
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

    fn set(&self, current: Result<KeyManagementService, Fault>) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = current;
        self.changed.notify_waiters();
    }
}

async fn token(credentials: &Credentials) -> Result<(), Fault> {
    match timeout(TOKEN_LIMIT, credentials.headers(Extensions::new())).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(without_credentials(&error)),
        Err(_) => Err(Fault::new(
            Cause::Credentials,
            format!("no token within {} s", TOKEN_LIMIT.as_secs()),
        )),
    }
}

fn without_credentials(error: &dyn std::error::Error) -> Fault {
    Fault::new(Cause::Credentials, fault::chain(error))
}

fn pause(in_a_row: usize) -> Duration {
    match in_a_row.checked_sub(FIRST_PAUSES) {
        None | Some(0) => FIRST_PAUSE,
        Some(more) => PAUSES[(more - 1).min(PAUSES.len() - 1)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_clients_come_each_5_s_for_a_minute_and_then_ever_more_seldom() {
        let seconds: Vec<u64> = (1..=18).map(|in_a_row| pause(in_a_row).as_secs()).collect();
        assert_eq!(seconds[..12], [5; 12]);
        assert_eq!(seconds[12..], [10, 20, 40, 60, 60, 60]);
    }
}
