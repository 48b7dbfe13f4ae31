use std::sync::Arc;

use crate::{caught::caught, telemetry::Health};

/// Runs a task that must not end while the signer serves. If it does, even by a panic, a line reports it and liveness fails.
pub fn essential<F>(health: &Arc<Health>, name: &'static str, task: F)
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    let health = health.clone();
    tokio::spawn(async move {
        // The panic hook has logged the location.
        let _ = caught(task).await;
        if !health.is_draining() {
            health.lose(name);
        }
    });
}

#[cfg(test)]
mod tests {
    use tokio::task::yield_now;

    use super::*;

    async fn is_alive_after(task: impl Future<Output = ()> + Send + 'static, drains: bool) -> bool {
        let health = Arc::<Health>::default();
        if drains {
            health.drain();
        }
        essential(&health, "a task of a test", task);
        for _ in 0..10 {
            yield_now().await;
        }
        health.is_alive()
    }

    #[tokio::test]
    async fn the_end_of_what_must_not_end_is_no_life() {
        assert!(is_alive_after(std::future::pending(), false).await);
        assert!(!is_alive_after(async {}, false).await);
        assert!(!is_alive_after(async { panic!("scripted") }, false).await);
        assert!(is_alive_after(async {}, true).await, "all ends when the signer ends");
    }
}
