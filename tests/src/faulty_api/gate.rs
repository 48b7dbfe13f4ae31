//! A gate that holds requests until a test opens it.

use std::sync::Arc;

use tokio::sync::watch;

/// Clones are the same gate.
#[derive(Clone, Debug)]
pub struct Gate(Arc<watch::Sender<State>>);

#[derive(Clone, Copy, Debug, Default)]
struct State {
    held: u64,
    passed: u64,
    is_open: bool,
}

impl Default for Gate {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(State::default())))
    }
}

impl Gate {
    /// Waits until it holds a request, or has held one.
    pub async fn is_reached(&self) {
        self.until(|state| state.held > 0).await;
    }

    /// Lets everything through from now on, and waits until all that it held has been answered by the API server.
    pub async fn open(&self) {
        self.0.send_modify(|state| state.is_open = true);
        self.until(|state| state.passed == state.held).await;
    }

    pub(super) async fn hold(&self) {
        self.0.send_modify(|state| state.held += 1);
        self.until(|state| state.is_open).await;
    }

    pub(super) fn passed(&self) {
        self.0.send_modify(|state| state.passed += 1);
    }

    async fn until(&self, reached: impl Fn(&State) -> bool) {
        // The other end is `self`, so it is there.
        let _ = self.0.subscribe().wait_for(|state| reached(state)).await;
    }
}
