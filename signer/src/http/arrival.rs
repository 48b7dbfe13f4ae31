//! A request's body, and the news of its end.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::body::HttpBody;
use bytes::Bytes;
use http::{Request, header};
use hyper::body::{Frame, Incoming, SizeHint};

use super::connections::Connection;

/// A body that tells its connection when all of it has come.
#[derive(Debug)]
pub struct Arriving {
    body: Incoming,
    connection: Arc<Connection>,
    request: u64,
}

impl Arriving {
    /// Tells this connection.
    pub fn watch(request: Request<Incoming>, connection: &Arc<Connection>) -> Request<Self> {
        let number = connection.begin(request.headers().contains_key(header::EXPECT));
        request.map(|body| {
            let arriving = Self {
                body,
                connection: connection.clone(),
                request: number,
            };
            arriving.tell();
            arriving
        })
    }

    fn tell(&self) {
        if self.body.is_end_stream() {
            self.connection.complete(self.request);
        }
    }
}

impl HttpBody for Arriving {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        match polled {
            // A chunked body knows of its end only when it is there.
            Poll::Ready(None) => self.connection.complete(self.request),
            Poll::Ready(Some(_)) => self.tell(),
            Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
