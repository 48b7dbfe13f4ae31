use std::path::PathBuf;

use super::{auth::Auth, key::KeyVersion};
use crate::backend::address::Address;

/// Which key version, where, and how to access it: checked settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub key: KeyVersion,
    pub address: Address,
    /// The trusted certificate authorities. Default: the system's.
    pub ca_file: Option<PathBuf>,
    pub namespace: Option<String>,
    pub auth: Auth,
}
