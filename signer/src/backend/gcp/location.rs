use std::sync::Arc;

use super::{endpoint::Endpoint, proxy, session::GcpSession};
use crate::backend::vendor::{Location, Session};

/// In `ATTO_SIGNER_BACKEND`.
pub const NAME: &str = "GCP";

/// Which key version, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GcpLocation {
    /// `projects/…/cryptoKeyVersions/…`
    pub key_version: String,
    /// Instead of Google's own.
    pub endpoint: Option<Endpoint>,
}

impl Location for GcpLocation {
    fn backend(&self) -> &'static str {
        NAME
    }

    fn warnings(&self) -> Vec<String> {
        // A stand-in is asked without credentials.
        let needs_credentials = self.endpoint.as_ref().is_none_or(|endpoint| !endpoint.is_anonymous);
        needs_credentials.then(proxy::warning).flatten().into_iter().collect()
    }

    fn open(&self) -> Arc<dyn Session> {
        Arc::new(GcpSession::new(self.key_version.clone(), self.endpoint.clone()))
    }
}
