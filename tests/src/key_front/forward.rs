//! Passing a request on.

use std::net::SocketAddr;

use anyhow::Result;
use bytes::Bytes;
use http::{Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::fake_server::Reply;

/// What the service answers; a 502 that says why where it does not.
pub async fn forward(upstream: SocketAddr, request: Request<Bytes>) -> Reply {
    let answer = exchange(upstream, request).await.unwrap_or_else(|error| {
        let mut answer = Response::new(Full::new(Bytes::from(format!("the front reaches nobody: {error:#}"))));
        *answer.status_mut() = StatusCode::BAD_GATEWAY;
        answer
    });
    Reply::Answer(answer)
}

async fn exchange(upstream: SocketAddr, request: Request<Bytes>) -> Result<Response<Full<Bytes>>> {
    let stream = TcpStream::connect(upstream).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let (mut parts, body) = request.into_parts();
    // As a client writes it to a server. The host stays the one that was asked: signatures of AWS cover it.
    parts.uri = parts
        .uri
        .path_and_query()
        .map_or_else(|| Uri::from_static("/"), |path| path.clone().into());
    parts.headers.remove(header::CONNECTION);
    let answer = sender.send_request(Request::from_parts(parts, Full::new(body))).await?;
    let (mut parts, body) = answer.into_parts();
    let body = body.collect().await?.to_bytes();
    parts.headers.remove(header::TRANSFER_ENCODING);
    parts.headers.remove(header::CONNECTION);
    Ok(Response::from_parts(parts, Full::new(body)))
}
