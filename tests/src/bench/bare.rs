//! The minimum cost of a signer: hyper, one comparison, one signature.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::{Context, Result};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::signature::Ed25519KeyPair;
use bytes::Bytes;
use data_encoding::HEXUPPER;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use super::{TOKEN, WORKERS};

/// Serves on all addresses until the process ends.
pub fn serve(port: u16) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let address = SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
        let listener = TcpListener::bind(address)
            .await
            .with_context(|| format!("cannot listen on {address}"))?;
        let key = Ed25519KeyPair::from_seed_unchecked(&[7; 32])
            .ok()
            .context("32 bytes are a seed")?;
        let key = Arc::new(key);
        loop {
            let (stream, _) = listener.accept().await.context("cannot accept")?;
            stream.set_nodelay(true)?;
            let key = Arc::clone(&key);
            tokio::spawn(async move {
                let service = service_fn(move |request| answer(Arc::clone(&key), request));
                // A caller that disconnects is not an error.
                let _ = http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    })
}

async fn answer(key: Arc<Ed25519KeyPair>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let token = request
        .headers()
        .get(AUTHORIZATION)
        .map_or(&[][..], HeaderValue::as_bytes);
    let known = verify_slices_are_equal(token, TOKEN.as_bytes()).is_ok();
    let body = request
        .into_body()
        .collect()
        .await
        .map(http_body_util::Collected::to_bytes)
        .unwrap_or_default();
    let Some(message) = body.last_chunk::<32>().filter(|_| known) else {
        let mut refused = Response::new(Full::default());
        *refused.status_mut() = StatusCode::UNAUTHORIZED;
        return Ok(refused);
    };
    let signature = key.sign(message);
    let text = format!(r#"{{"signature":"{}"}}"#, HEXUPPER.encode(signature.as_ref()));
    let mut signed = Response::new(Full::from(text));
    signed
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(signed)
}
