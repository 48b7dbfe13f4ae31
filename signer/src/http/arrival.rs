//! A request's body, with a notification of its end.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::body::HttpBody;
use bytes::Bytes;
use http::{Request, header};
use hyper::body::{Frame, Incoming, SizeHint};

use super::connection::Connection;

/// A body that reports to its connection when it is complete.
#[derive(Debug)]
pub struct Arriving {
    body: Incoming,
    connection: Arc<Connection>,
    request: u64,
}

impl Arriving {
    /// Attaches the request to this connection. None if the connection must be closed without an answer.
    pub fn watch(request: Request<Incoming>, connection: &Arc<Connection>) -> Option<Request<Self>> {
        let number = connection.begin(request.headers().contains_key(header::EXPECT))?;
        let request = request.map(|body| Self {
            body,
            connection: connection.clone(),
            request: number,
        });
        request.body().is_answered().then_some(request)
    }

    /// False if the connection must be closed instead.
    fn is_answered(&self) -> bool {
        !self.body.is_end_stream() || self.connection.complete(self.request)
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
        let is_answered = match polled {
            // The end of a chunked body is only known once it has arrived.
            Poll::Ready(None) => self.connection.complete(self.request),
            Poll::Ready(Some(_)) => self.is_answered(),
            Poll::Pending => true,
        };
        // A request that is incomplete when its connection must be closed is dropped, and not signed.
        if is_answered { polled } else { Poll::Pending }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
