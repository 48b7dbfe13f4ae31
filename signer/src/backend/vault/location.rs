use std::sync::Arc;

use super::{auth::Auth, place::Place, proxy, session::VaultSession};
use crate::backend::vendor::{Location, Session};

/// The value in `ATTO_SIGNER_BACKEND`.
pub const NAME: &str = "VAULT";

/// The location that sessions are opened for.
#[derive(Clone, Debug)]
pub struct VaultLocation(pub Place);

impl Location for VaultLocation {
    fn backend(&self) -> &'static str {
        NAME
    }

    fn reads_identity_token(&self) -> bool {
        matches!(self.0.auth, Auth::Role { .. })
    }

    fn warnings(&self) -> Vec<String> {
        proxy::warning(&self.0.address).into_iter().collect()
    }

    fn open(&self) -> Arc<dyn Session> {
        Arc::new(VaultSession::new(self.0.clone()))
    }
}
