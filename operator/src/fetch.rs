//! A plain HTTP request to a nearby server: a signer's management port, or Google's metadata server.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpStream, ToSocketAddrs};

const LARGEST_BODY: usize = 64 * 1024;

/// Returns the status and the body if they arrive within the deadline.
///
/// # Errors
/// Says why no answer arrived.
pub async fn get(
    address: impl ToSocketAddrs,
    path: &str,
    header: Option<(HeaderName, HeaderValue)>,
    deadline: Duration,
) -> Result<(u16, Bytes), String> {
    match tokio::time::timeout(deadline, exchange(address, path, header)).await {
        Ok(answer) => answer.map_err(|error| error.to_string()),
        Err(_) => Err("no answer in time".to_owned()),
    }
}

type AnyError = Box<dyn std::error::Error + Send + Sync>;

async fn exchange(
    address: impl ToSocketAddrs,
    path: &str,
    header: Option<(HeaderName, HeaderValue)>,
) -> Result<(u16, Bytes), AnyError> {
    let stream = TcpStream::connect(address).await?;
    let mut request = http::Request::get(path).header(http::header::HOST, stream.peer_addr()?.to_string());
    if let Some((name, value)) = header {
        request = request.header(name, value);
    }
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
    let answer = async {
        let response = sender.send_request(request.body(Empty::<Bytes>::new())?).await?;
        let status = response.status().as_u16();
        let body = Limited::new(response.into_body(), LARGEST_BODY).collect().await?;
        Ok((status, body.to_bytes()))
    };
    // Drives the connection while waiting for the answer, and drops it afterwards.
    tokio::select! {
        answer = answer => answer,
        ended = connection => match ended {
            Ok(()) => Err("the connection was closed without an answer".into()),
            Err(error) => Err(error.into()),
        },
    }
}
