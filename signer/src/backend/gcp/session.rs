use std::{fmt, sync::Arc};

use super::{
    answer,
    clients::Clients,
    public_key::{self, PublicKeyError},
};
use crate::{
    backend::signing::{Backend, BackendError, Signature},
    protocol::PublicKey,
};

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
