//! The threads that serve the signing API. Each has a runtime of its own and a queue of its own for new connections, so no
//! thread wakes another one or waits for it: a signature costs less than with one runtime on as many threads.

use std::{io, net, sync::Arc, thread, time::Duration};

use tokio::{
    net::TcpListener,
    runtime::Runtime,
    sync::{oneshot, watch},
    time::sleep,
};

use super::essential::essential;
use crate::{
    backend::Backend,
    http::{
        ApiService,
        server::{Connections, accept, runtime_of},
    },
    telemetry::{Health, Heart},
};

const HEARTBEAT: Duration = Duration::from_secs(1);

/// The values that all threads serve.
pub struct Served<B> {
    pub service: ApiService<B>,
    pub connections: Arc<Connections>,
    pub health: Arc<Health>,
    /// When told to stop, a listener only accepts the connections in its backlog.
    pub stopped: watch::Receiver<bool>,
}

/// Threads that run until this is dropped.
pub struct Threads {
    _end: watch::Sender<()>,
}

impl Threads {
    /// Serves on the listeners of each thread.
    ///
    /// # Errors
    /// The system provides no thread or no event queue.
    pub fn start<B: Backend>(listeners: Vec<Vec<net::TcpListener>>, served: &Served<B>) -> io::Result<Self> {
        let (end, ended) = watch::channel(());
        for listeners in listeners {
            let (runtime, listeners) = runtime_of(listeners)?;
            begin(&runtime, listeners, served);
            run(runtime, &served.health, ended.clone())?;
        }
        Ok(Self { _end: end })
    }
}

fn begin<B: Backend>(runtime: &Runtime, listeners: Vec<TcpListener>, served: &Served<B>) {
    let Served {
        service,
        connections,
        health,
        stopped,
    } = served;
    let _context = runtime.enter();
    tokio::spawn(beat(health.heart()));
    for listener in listeners {
        let accepting = accept(listener, service.clone(), connections.clone(), stopped.clone());
        essential(health, "a listener of the API", accepting);
    }
}

fn run(runtime: Runtime, health: &Arc<Health>, mut ended: watch::Receiver<()>) -> io::Result<()> {
    let (running, stops) = oneshot::channel::<()>();
    // Reports the end of the thread, which drops `running`.
    essential(health, "a thread of the API", stops);
    thread::Builder::new().name("api".to_owned()).spawn(move || {
        let _running = running;
        // The sender sends nothing. Its absence means to stop.
        let _ = runtime.block_on(ended.changed());
    })?;
    Ok(())
}

/// Sends the heartbeat of the runtime that runs this.
pub async fn beat(heart: Arc<Heart>) {
    loop {
        heart.beat();
        sleep(HEARTBEAT).await;
    }
}
