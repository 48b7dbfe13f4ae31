//! One connection, until the front ends it.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use anyhow::{Result, anyhow};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::{Counts, Front, Handler, Reply};

pub(super) async fn serve(stream: TcpStream, mut front: watch::Receiver<Front>, counts: Arc<Counts>, handler: Handler) {
    // Small answers must not wait for an acknowledgement. Without the option, a fake is only slower.
    let _ = stream.set_nodelay(true);
    let seen = front.clone();
    let service =
        service_fn(move |request| answer(request, seen.clone(), Arc::clone(&counts), Handler::clone(&handler)));
    let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    let closed = front.wait_for(|front| matches!(front, Front::Refusing | Front::Dropping));
    tokio::select! {
        // An error means that the handler or the client has closed the connection.
        _ = connection => {}
        _ = closed => {}
    }
}

async fn answer(
    request: Request<Incoming>,
    front: watch::Receiver<Front>,
    counts: Arc<Counts>,
    handler: Handler,
) -> Result<Response<Full<Bytes>>> {
    let (head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    if *front.borrow() == Front::Silent {
        counts.silenced.fetch_add(1, Ordering::SeqCst);
        return pending().await;
    }
    match handler(Request::from_parts(head, body)).await {
        Reply::Answer(response) => Ok(response),
        // hyper closes a connection whose service fails.
        Reply::Drop => Err(anyhow!("dropped, as the script wants it")),
        Reply::Never => pending().await,
    }
}
