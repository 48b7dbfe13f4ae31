use std::sync::Arc;

use super::{endpoint::Endpoint, federation::Federation, proxy, session::GcpSession};
use crate::backend::vendor::{Location, Session};

/// The value in `ATTO_SIGNER_BACKEND`.
pub const NAME: &str = "GCP";

/// Which key version, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GcpLocation {
    /// `projects/…/cryptoKeyVersions/…`
    pub key_version: String,
    /// Replaces Google's own.
    pub endpoint: Option<Endpoint>,
    /// Replaces Google's application default credentials.
    pub federation: Option<Federation>,
}

impl Location for GcpLocation {
    fn backend(&self) -> &'static str {
        NAME
    }

    fn reads_identity_token(&self) -> bool {
        self.federation.is_some()
    }

    fn warnings(&self) -> Vec<String> {
        // A test server needs no credentials, and federation does not use the metadata server.
        let needs_credentials =
            self.federation.is_none() && self.endpoint.as_ref().is_none_or(|endpoint| !endpoint.is_anonymous);
        needs_credentials.then(proxy::warning).flatten().into_iter().collect()
    }

    fn open(&self) -> Arc<dyn Session> {
        let Self {
            key_version,
            endpoint,
            federation,
        } = self.clone();
        Arc::new(GcpSession::new(key_version, endpoint, federation))
    }
}
