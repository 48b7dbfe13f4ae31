use std::{path::PathBuf, sync::Arc};

use super::{auth::Auth, key::KeyVersion, proxy, session::VaultSession};
use crate::backend::{
    address::Address,
    vendor::{Location, Session},
};

/// In `ATTO_SIGNER_BACKEND`.
pub const NAME: &str = "VAULT";

/// Which key version, where, and how to get there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VaultLocation {
    pub key: KeyVersion,
    pub address: Address,
    /// Whose certificates the server may have; the system's authorities if nobody says.
    pub ca_file: Option<PathBuf>,
    pub namespace: Option<String>,
    pub auth: Auth,
}

impl Location for VaultLocation {
    fn backend(&self) -> &'static str {
        NAME
    }

    fn reads_identity_token(&self) -> bool {
        matches!(self.auth, Auth::Role { .. })
    }

    fn warnings(&self) -> Vec<String> {
        proxy::warning(&self.address).into_iter().collect()
    }

    fn open(&self) -> Arc<dyn Session> {
        Arc::new(VaultSession::new(self.clone()))
    }
}
