//! A key in Google Cloud KMS.

pub(crate) mod answer;
mod clients;
mod fault;
mod identity;
pub(crate) mod public_key;
mod remedy;

use std::{fmt, sync::Arc};

use thiserror::Error;

pub use clients::Clients;
pub use remedy::remedy;

use super::{Backend, BackendError, Cause, Fault, Signature};
use crate::protocol::PublicKey;

/// Which key, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GcpConfig {
    /// `projects/…/cryptoKeyVersions/…`
    pub key_version: String,
    /// Instead of Google's own.
    pub endpoint: Option<Endpoint>,
}

/// Where KMS is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// With the scheme.
    pub url: String,
    /// Plain HTTP on this machine: a test. Nobody's credentials are sent there.
    pub is_anonymous: bool,
}

/// The public key was not to be had.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum PublicKeyError {
    /// It may be there later.
    #[error("{0}")]
    Fault(#[from] Fault),
    /// It will never do: it is a key of another kind.
    #[error(
        "found a key version with the algorithm {0}, expected EC_SIGN_ED25519; create a key with \
         `gcloud kms keys create KEY --keyring=RING --location=LOCATION --purpose=asymmetric-signing \
         --default-algorithm=ec-sign-ed25519` and set ATTO_SIGNER_KEY to its version"
    )]
    Algorithm(String),
}

/// A key version, its public key known.
pub struct GcpKey {
    clients: Arc<Clients>,
    name: String,
    public_key: PublicKey,
}

impl GcpKey {
    /// Reads the public key of this key version.
    pub async fn load(clients: Arc<Clients>, name: &str) -> Result<Self, PublicKeyError> {
        let client = clients.current()?;
        let answer = client.get_public_key().set_name(name).send().await;
        let answer = answer.map_err(|error| clients.explain(&error))?;
        let public_key = public_key::read(&answer, name)?;
        Ok(Self {
            clients,
            name: name.to_owned(),
            public_key,
        })
    }
}

impl Backend for GcpKey {
    fn public_key(&self) -> PublicKey {
        self.public_key
    }

    async fn sign(&self, bytes: &[u8]) -> Result<Signature, BackendError> {
        let client = self.clients.current()?;
        let request = client
            .asymmetric_sign()
            .set_name(&self.name)
            .set_data(bytes::Bytes::copy_from_slice(bytes))
            .set_data_crc32c(i64::from(crc32c::crc32c(bytes)));
        let answer = request.send().await.map_err(|error| self.clients.explain(&error))?;
        Ok(answer::check(&answer, &self.name)?)
    }

    fn renew(&self) {
        self.clients.renew();
    }
}

impl fmt::Debug for GcpKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "GcpKey({} in {})", self.public_key, self.name)
    }
}

fn failed_check(text: String) -> Fault {
    Fault::new(Cause::Check, text)
}
