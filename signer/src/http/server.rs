//! Listeners and their connections.

use std::{convert::Infallible, future::pending, io, net, pin::pin, sync::Arc, time::Duration};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    runtime::{self, Runtime},
    sync::watch,
    time::{Instant, MissedTickBehavior, interval, sleep_until, timeout_at},
};

pub use super::connections::Connections;
use super::{answer::Answer, arrival::Arriving, connections::Entry, silence::Silent};

/// Maximum connections of the signing API. The node uses at most 100 at once; the rest is reserve for misbehaving clients.
pub const MAX_CONNECTIONS: usize = 1024;

const HEAD_MAX_LENGTH: usize = 16 * 1024;
/// How long an incomplete request is waited for after the stop signal: the time limit of a body.
const LAST_CALL: Duration = Duration::from_secs(2);
/// Pause after a failed accept. Usually no file descriptor is left, and an immediate retry would waste CPU time.
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);
/// Time between sweeps for connections that have waited too long.
const SWEEP: Duration = Duration::from_secs(1);

/// A runtime for one thread, with these listeners on it.
///
/// # Errors
/// The system provides no event queue.
pub fn runtime_of(listeners: Vec<net::TcpListener>) -> io::Result<(Runtime, Vec<TcpListener>)> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    let listeners = {
        let _context = runtime.enter();
        listeners
            .into_iter()
            .map(TcpListener::from_std)
            .collect::<io::Result<Vec<_>>>()?
    };
    Ok((runtime, listeners))
}

/// Accepts connections until told to stop, including those in the backlog then. Running requests continue.
pub async fn accept(
    listener: TcpListener,
    service: impl Answer,
    connections: Arc<Connections>,
    mut stop: watch::Receiver<bool>,
) {
    let mut sweeps = interval(SWEEP);
    sweeps.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut stopped = pin!(stop.changed());
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = sweeps.tick() => {
                connections.sweep();
                continue;
            }
            _ = stopped.as_mut() => break,
        };
        match accepted {
            Ok((stream, _)) => take(stream, &service, &connections),
            Err(error) => {
                tracing::debug!("a connection was not accepted: {error}");
                connections.make_room_after(&error);
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    connections.stop();
    // A client with a completed handshake considers itself connected, and closing the listener would reset it.
    let Ok(listener) = listener.into_std() else { return };
    while let Ok((stream, _)) = listener.accept() {
        let stream = stream.set_nonblocking(true).and_then(|()| TcpStream::from_std(stream));
        if let Ok(stream) = stream {
            take(stream, &service, &connections);
        }
    }
}

fn take(stream: TcpStream, service: &impl Answer, connections: &Arc<Connections>) {
    if let Some(entry) = connections.enter() {
        tokio::spawn(serve(stream, service.clone(), entry));
    }
}

async fn serve(stream: TcpStream, service: impl Answer, entry: Entry) {
    let (service, entry, state) = (&service, &entry, entry.connection());
    let answer = service_fn(move |request| async move {
        let Some(request) = Arriving::watch(request, state) else {
            return pending().await;
        };
        let response = service.answer(request).await;
        entry.wait();
        Ok::<_, Infallible>(response)
    });
    let connection = http1::Builder::new()
        .header_read_timeout(None)
        .max_buf_size(HEAD_MAX_LENGTH)
        .serve_connection(TokioIo::new(Silent::new(stream, state.clone())), answer);
    let mut connection = pin!(connection);
    // The end of a connection depends on the client and is not reported.
    tokio::select! {
        biased;
        _ = connection.as_mut() => return,
        () = state.told() => {}
    }
    if state.is_evicted() {
        return;
    }
    let last_call = Instant::now() + LAST_CALL;
    // The first request may be on its way, and hyper would close the connection without reading it.
    tokio::select! {
        biased;
        _ = connection.as_mut() => return,
        () = state.begun() => {}
        () = sleep_until(last_call) => {}
    }
    connection.as_mut().graceful_shutdown();
    let is_over = timeout_at(last_call, connection.as_mut()).await.is_ok();
    if !is_over && state.is_answering() {
        let _ = connection.await;
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        time::sleep,
    };

    use super::*;

    /// How long a client is tolerated that sends its head at one byte per second, with or without a stop signal.
    async fn patience_with(head: &[u8], stops: bool) -> Duration {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = watch::channel(false);
        tokio::spawn(accept(
            listener,
            axum::Router::new(),
            Arc::new(Connections::new(1)),
            stopped,
        ));
        let start = Instant::now();
        let mut client = TcpStream::connect(address).await.unwrap();
        sleep(Duration::from_millis(1)).await;
        stop.send_if_modified(|stop| {
            *stop = stops;
            stops
        });
        let mut rest = head.iter();
        let mut answer = Vec::new();
        loop {
            tokio::select! {
                end = client.read_to_end(&mut answer) => {
                    assert!(end.is_ok() || end.is_err_and(|error| error.kind() == ErrorKind::ConnectionReset));
                    return start.elapsed();
                }
                () = sleep(Duration::from_secs(1)) => {
                    if let Some(byte) = rest.next() {
                        let _ = client.write_all(&[*byte]).await;
                    }
                }
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_or_dripping_client_is_borne_with_for_a_while() {
        let head = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
        for (stops, limits) in [(false, 10..12), (true, 2..4)] {
            for head in ["", head] {
                let patience = patience_with(head.as_bytes(), stops).await.as_secs();
                assert!(
                    limits.contains(&patience),
                    "{patience} s with {head:?}, told to stop: {stops}"
                );
            }
        }
    }
}
