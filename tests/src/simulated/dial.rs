//! Connections to the signer that never leave the process.

use std::io::{self, ErrorKind};
use std::sync::{Arc, OnceLock};

use futures::FutureExt;
use futures::future::BoxFuture;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use signer::http::ApiService;
use signer::service::Remote;

use crate::node_client::{Dial, Stream};

/// Larger than any request or answer.
const BUFFER: usize = 64 * 1024;

type Service = ApiService<Remote>;

/// Refuses connections until it is opened.
#[derive(Clone, Default)]
pub struct Door(Arc<OnceLock<Service>>);

impl Door {
    pub fn open(&self, service: Service) {
        // Once is enough: a process has one API.
        let _ = self.0.set(service);
    }
}

impl Dial for Door {
    fn dial(&self) -> BoxFuture<'_, io::Result<Box<dyn Stream>>> {
        async {
            let service = self.0.get().ok_or(ErrorKind::ConnectionRefused)?;
            let service = TowerToHyperService::new(service.clone());
            let (near, far) = tokio::io::duplex(BUFFER);
            // What a connection ends with is the node's doing.
            tokio::spawn(async move { http1::Builder::new().serve_connection(TokioIo::new(far), service).await });
            Ok(Box::new(near) as Box<dyn Stream>)
        }
        .boxed()
    }
}
