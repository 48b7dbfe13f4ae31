//! The source of connections: TCP, or a test's replacement.

use std::io;

use futures::future::{BoxFuture, FutureExt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// A connection.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Opens connections to one signer.
pub trait Dial: Send + Sync {
    /// Opens a connection.
    fn dial(&self) -> BoxFuture<'_, io::Result<Box<dyn Stream>>>;
}

/// New TCP connections to `HOST:PORT`.
#[derive(Clone, Debug)]
pub struct Tcp(String);

impl Tcp {
    /// To this `HOST:PORT`.
    pub fn to(host: &str) -> Self {
        Self(host.to_owned())
    }
}

impl Dial for Tcp {
    fn dial(&self) -> BoxFuture<'_, io::Result<Box<dyn Stream>>> {
        async move {
            let stream = TcpStream::connect(&self.0).await?;
            stream.set_nodelay(true)?;
            Ok(Box::new(stream) as Box<dyn Stream>)
        }
        .boxed()
    }
}
