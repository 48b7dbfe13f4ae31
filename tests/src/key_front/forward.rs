//! Forwards a request.

use std::net::SocketAddr;

use anyhow::Result;
use bytes::Bytes;
use http::response::Parts;
use http::{Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::fake_server::Reply;

/// The service's answer, or a 502 with the reason if there is none.
pub fn reply(answer: Result<(Parts, Bytes)>) -> Reply {
    Reply::Answer(match answer {
        Ok((parts, body)) => Response::from_parts(parts, Full::new(body)),
        Err(error) => {
            let mut answer = Response::new(Full::new(Bytes::from(format!("the front reaches nobody: {error:#}"))));
            *answer.status_mut() = StatusCode::BAD_GATEWAY;
            answer
        }
    })
}

/// Sends the request to the service.
///
/// # Errors
/// The service does not answer.
pub async fn exchange(upstream: SocketAddr, request: Request<Bytes>) -> Result<(Parts, Bytes)> {
    let stream = TcpStream::connect(upstream).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let (mut parts, body) = request.into_parts();
    // In the form of a client's request. The host does not change, because AWS signatures cover it.
    parts.uri = parts
        .uri
        .path_and_query()
        .map_or_else(|| Uri::from_static("/"), |path| path.clone().into());
    parts.headers.remove(header::CONNECTION);
    let answer = sender.send_request(Request::from_parts(parts, Full::new(body))).await?;
    let (mut parts, body) = answer.into_parts();
    for name in [header::TRANSFER_ENCODING, header::CONNECTION, header::CONTENT_LENGTH] {
        parts.headers.remove(name);
    }
    Ok((parts, body.collect().await?.to_bytes()))
}
