//! Prevents writes without the Lease. A process that was suspended continues where it stopped, perhaps with a write, before it
//! notices that it no longer leads. Therefore each write checks a clock that continues during suspension.

use std::future::{Ready, ready};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use futures::future::Either;
use http::{Method, Request};
use tower::{BoxError, Layer, Service};

use super::boottime::BootTime;

/// Path of the Leases, the only objects that may be written without the Lease.
const LEASES: &str = "/apis/coordination.k8s.io/";

/// Until when this process may write. Clones share the value.
#[derive(Clone, Debug)]
pub struct Fence(Arc<Mutex<Until>>);

#[derive(Clone, Copy, Debug)]
enum Until {
    Ever,
    Time(BootTime),
    Shut,
}

/// A write that was not sent.
#[derive(Debug, thiserror::Error)]
#[error("not sent: this operator is not the leader, or has not renewed its Lease in time")]
pub struct NotLeading;

impl Fence {
    /// For a process that runs without other writers.
    pub fn open() -> Self {
        Self(Arc::new(Mutex::new(Until::Ever)))
    }

    /// For a candidate: closed until it leads.
    pub fn closed() -> Self {
        Self(Arc::new(Mutex::new(Until::Shut)))
    }

    /// Allows writes that begin before this time.
    pub fn open_until(&self, time: BootTime) {
        *self.until() = Until::Time(time);
    }

    /// Allows no further writes.
    pub fn shut(&self) {
        *self.until() = Until::Shut;
    }

    fn lets_through<B>(&self, request: &Request<B>, now: BootTime) -> bool {
        request.method() == Method::GET
            || request.uri().path().starts_with(LEASES)
            || match *self.until() {
                Until::Ever => true,
                Until::Time(time) => now < time,
                Until::Shut => false,
            }
    }

    fn until(&self) -> MutexGuard<'_, Until> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S> Layer<S> for Fence {
    type Service = Fenced<S>;

    fn layer(&self, inner: S) -> Fenced<S> {
        Fenced {
            inner,
            fence: self.clone(),
        }
    }
}

/// Requests on their way to the API server.
#[derive(Clone, Debug)]
pub struct Fenced<S> {
    inner: S,
    fence: Fence,
}

impl<S, A> Service<Request<A>> for Fenced<S>
where
    S: Service<Request<A>, Error = BoxError>,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = Either<S::Future, Ready<Result<S::Response, BoxError>>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<A>) -> Self::Future {
        if self.fence.lets_through(&request, BootTime::now()) {
            Either::Left(self.inner.call(request))
        } else {
            Either::Right(ready(Err(NotLeading.into())))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn writes_need_the_lease_and_reads_and_the_lease_do_not() {
        let request = |method: Method, path: &str| Request::builder().method(method).uri(path).body(()).unwrap();
        let write = request(Method::PATCH, "/apis/apps/v1/namespaces/a/deployments/b");
        let read = request(Method::GET, "/apis/apps/v1/namespaces/a/deployments/b");
        let lease = request(Method::PUT, "/apis/coordination.k8s.io/v1/namespaces/a/leases/b");
        let now = BootTime::now();
        let later = now + Duration::from_secs(1);
        let (open, fence) = (Fence::open(), Fence::closed());
        assert!(open.lets_through(&write, later));
        assert!(!fence.lets_through(&write, now));
        assert!(fence.lets_through(&read, now) && fence.lets_through(&lease, now));
        fence.open_until(later);
        assert!(fence.lets_through(&write, now) && !fence.lets_through(&write, later));
        fence.shut();
        assert!(!fence.lets_through(&write, now));
    }
}
