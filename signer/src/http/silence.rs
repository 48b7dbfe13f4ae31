//! A socket that suppresses interim answers.
//!
//! hyper answers `Expect: 100-continue` with `100 Continue` and has no setting against it. The node counts one second without a
//! byte, which an interim answer would restart. Therefore only final answers are sent. A client that waits for the interim answer
//! sends its body after a timeout, as RFC 9110 (10.1.1) requires.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::connection::Connection;

const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// The socket of a connection.
#[derive(Debug)]
pub struct Silent<S> {
    socket: S,
    connection: Arc<Connection>,
}

impl<S> Silent<S> {
    /// Suppresses interim answers.
    pub const fn new(socket: S, connection: Arc<Connection>) -> Self {
        Self { socket, connection }
    }

    /// The number of bytes before the interim answer in the output, if there is one.
    fn held_back(&self, bytes: &[u8]) -> Option<usize> {
        if !self.connection.expects() {
            return None;
        }
        bytes.windows(CONTINUE.len()).position(|window| window == CONTINUE)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Silent<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Silent<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.held_back(bytes) {
            None => Pin::new(&mut self.socket).poll_write(context, bytes),
            Some(0) => {
                self.connection.expect_no_more();
                Poll::Ready(Ok(CONTINUE.len()))
            }
            Some(before) => Pin::new(&mut self.socket).poll_write(context, &bytes[..before]),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        // hyper writes heads and interim answers into one buffer, which comes first.
        match slices.iter().find(|slice| !slice.is_empty()) {
            Some(first) if self.held_back(first).is_some() => self.poll_write(context, first),
            _ => Pin::new(&mut self.socket).poll_write_vectored(context, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}
