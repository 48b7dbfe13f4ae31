//! How the signer logs in.

use std::path::PathBuf;

use crate::backend::identity_token::IdentityTokenFile;

/// A way to get a token of the key service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Auth {
    /// With a Kubernetes token, at a `kubernetes` or `jwt` method, which have the same login.
    Role {
        /// The kind of the method.
        method: Method,
        /// Where the method is mounted, without `auth/`.
        mount: String,
        /// The role of the login.
        role: String,
        /// The Kubernetes token.
        identity: IdentityTokenFile,
    },
    /// With a token that another program writes into this file.
    Token(PathBuf),
}

/// An auth method that accepts Kubernetes tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// The server asks the cluster's API server about each token.
    Kubernetes,
    /// The server has the public keys of the cluster.
    Jwt,
}

impl Method {
    /// Its name in Vault, which is also its default mount.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Kubernetes => "kubernetes",
            Self::Jwt => "jwt",
        }
    }
}
