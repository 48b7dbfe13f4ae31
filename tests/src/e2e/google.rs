//! Google's services as pods meet them: KMS with TLS, and the metadata server, at an address that pods reach.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::{Context, Result};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::control_plane::pki::Authority;
use crate::fake_kms::FakeKms;
use crate::fake_metadata::FakeMetadata;
use crate::fake_server::Front;

/// Both, and the ways to them. They end when this value is dropped.
pub struct Google {
    pub kms: FakeKms,
    _metadata: FakeMetadata,
    /// What the signer's image is given.
    pub env: Vec<String>,
    /// Who has signed the certificate of KMS, in PEM.
    pub authority: String,
    ways: Vec<JoinHandle<()>>,
}

impl Google {
    /// Starts both for pods that reach this address.
    pub async fn start(address: Ipv4Addr) -> Result<Self> {
        crate::install_crypto();
        let kms = FakeKms::start([7; 32])?;
        let metadata = FakeMetadata::start(Front::Serving)?;
        let authority = Authority::new()?;
        let server = authority.server(address)?;
        let chain = CertificateDer::pem_slice_iter(server.certificate.as_bytes()).collect::<Result<_, _>>()?;
        let key = PrivateKeyDer::from_pem_slice(server.key.as_bytes())?;
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        let (kms_port, kms_way) = way(
            address,
            kms.endpoint().trim_start_matches("http://"),
            Some(TlsAcceptor::from(Arc::new(config))),
        )
        .await?;
        let (metadata_port, metadata_way) = way(address, &metadata.host(), None).await?;
        Ok(Self {
            env: vec![
                format!("ATTO_SIGNER_GCP_ENDPOINT=https://{address}:{kms_port}"),
                format!("GCE_METADATA_HOST={address}:{metadata_port}"),
            ],
            kms,
            _metadata: metadata,
            authority: authority.certificate,
            ways: vec![kms_way, metadata_way],
        })
    }
}

impl Drop for Google {
    fn drop(&mut self) {
        for way in &self.ways {
            way.abort();
        }
    }
}

/// A port at the address whose connections end at a server on loopback.
async fn way(address: Ipv4Addr, to: &str, tls: Option<TlsAcceptor>) -> Result<(u16, JoinHandle<()>)> {
    let to: SocketAddr = to.parse().with_context(|| format!("{to} is no address"))?;
    let listener = TcpListener::bind((address, 0)).await?;
    let port = listener.local_addr()?.port();
    let task = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let tls = tls.clone();
            tokio::spawn(async move {
                match tls {
                    None => join(stream, to).await,
                    Some(tls) => match tls.accept(stream).await {
                        Ok(stream) => join(stream, to).await,
                        Err(_) => None,
                    },
                }
            });
        }
    });
    Ok((port, task))
}

/// Whatever ends it: both sides see the end of a connection.
async fn join(mut stream: impl AsyncRead + AsyncWrite + Unpin, to: SocketAddr) -> Option<()> {
    let mut server = TcpStream::connect(to).await.ok()?;
    copy_bidirectional(&mut stream, &mut server).await.ok().map(drop)
}
