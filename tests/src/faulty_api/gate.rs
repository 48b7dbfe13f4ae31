//! A gate that holds requests until a test opens it.

use std::sync::Arc;

use tokio::sync::watch;

/// Clones share the gate.
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
    /// Waits until it has held a request.
    pub async fn is_reached(&self) {
        self.until(|state| state.held > 0).await;
    }

    /// Opens the gate permanently, and waits until the API server has answered all held requests.
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
        // The sender is part of `self`.
        let _ = self.0.subscribe().wait_for(|state| reached(state)).await;
    }
}
