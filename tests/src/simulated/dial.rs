//! In-process connections to the signer.

use std::io::{self, ErrorKind};
use std::sync::{Arc, PoisonError, RwLock};

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

/// Refuses connections while it is closed, which is the initial state.
#[derive(Clone, Default)]
pub struct Door(Arc<RwLock<Option<Service>>>);

impl Door {
    pub fn open(&self, service: Service) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(service);
    }

    /// Open connections stay open.
    pub fn close(&self) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn service(&self) -> Option<Service> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Dial for Door {
    fn dial(&self) -> BoxFuture<'_, io::Result<Box<dyn Stream>>> {
        async {
            let service = self.service().ok_or(ErrorKind::ConnectionRefused)?;
            let service = TowerToHyperService::new(service);
            let (near, far) = tokio::io::duplex(BUFFER);
            // The end of a connection depends on the node.
            tokio::spawn(async move { http1::Builder::new().serve_connection(TokioIo::new(far), service).await });
            Ok(Box::new(near) as Box<dyn Stream>)
        }
        .boxed()
    }
}
