//! Stand-in for Google's services in a pod: KMS with TLS, the metadata server, and a port on which the suite controls KMS. It
//! also receives the last report of each voter, because it outlives them.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result};
use clap::Parser;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Mutex;
use tokio_rustls::TlsAcceptor;

use super::answer::answer;
use crate::e2e::google::{CONTROL, FIRST_KEY_VERSION, KMS, METADATA, REPORTS, SECOND_KEY_VERSION};
use crate::fake_kms::FakeKms;
use crate::fake_metadata::FakeMetadata;
use crate::fake_server::Front;

/// The stand-in's command line.
#[derive(Parser)]
pub struct Arguments {
    /// Certificate of KMS, in PEM.
    #[arg(long, env = "GOOGLE_CERTIFICATE")]
    certificate: String,
    #[arg(long, env = "GOOGLE_KEY", hide_env_values = true)]
    key: String,
}

/// Runs until SIGTERM.
///
/// # Errors
/// If a port is in use.
pub async fn run(arguments: Arguments) -> Result<()> {
    crate::install_crypto();
    let mut terminate = signal(SignalKind::terminate())?;
    let kms = FakeKms::start_versions(
        (FIRST_KEY_VERSION, [7; 32]),
        &[(SECOND_KEY_VERSION, [8; 32])],
        Front::Serving,
    )?;
    let metadata = FakeMetadata::start(Front::Serving)?;
    way(
        KMS,
        kms.endpoint().trim_start_matches("http://"),
        Some(tls(&arguments)?),
    )
    .await?;
    way(METADATA, &metadata.host(), None).await?;
    let reports = Arc::<Mutex<Vec<Value>>>::default();
    tokio::spawn(take(listen(REPORTS).await?, Arc::clone(&reports)));
    let control = listen(CONTROL).await?;
    let (kms, reports) = (&kms, &reports);
    let tell = |path: String| async move {
        match path.as_str() {
            "/front/serving" => meet(kms, Front::Serving).await,
            "/front/refusing" => meet(kms, Front::Refusing).await,
            _ => json!(*reports.lock().await),
        }
    };
    tokio::select! {
        () = answer(control, tell) => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}

async fn listen(port: u16) -> Result<TcpListener> {
    let listener = TcpListener::bind(("0.0.0.0", port)).await;
    listener.with_context(|| format!("cannot listen on port {port}"))
}

fn tls(arguments: &Arguments) -> Result<TlsAcceptor> {
    let chain = CertificateDer::pem_slice_iter(arguments.certificate.as_bytes()).collect::<Result<_, _>>()?;
    let key = PrivateKeyDer::from_pem_slice(arguments.key.as_bytes())?;
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

async fn meet(kms: &FakeKms, front: Front) -> Value {
    match kms.set_front(front).await {
        Ok(()) => json!({"front": format!("{front:?}")}),
        Err(error) => json!({"error": format!("{error:#}")}),
    }
}

async fn take(listener: TcpListener, reports: Arc<Mutex<Vec<Value>>>) {
    while let Ok((mut stream, _)) = listener.accept().await {
        let mut text = String::new();
        if stream.read_to_string(&mut text).await.is_ok()
            && let Ok(report) = serde_json::from_str(&text)
        {
            reports.lock().await.push(report);
        }
    }
}

/// A port of the pod that is forwarded to a server on loopback.
async fn way(port: u16, to: &str, tls: Option<TlsAcceptor>) -> Result<()> {
    let to: SocketAddr = to.parse().with_context(|| format!("{to} is no address"))?;
    let listener = listen(port).await?;
    tokio::spawn(async move {
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
    Ok(())
}

/// Both sides see the end of the connection, whatever the cause.
async fn join(mut stream: impl AsyncRead + AsyncWrite + Unpin, to: SocketAddr) -> Option<()> {
    let mut server = TcpStream::connect(to).await.ok()?;
    copy_bidirectional(&mut stream, &mut server).await.ok().map(drop)
}
