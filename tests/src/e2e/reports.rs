//! What voters tell when they end.

use std::sync::Arc;

use anyhow::{Result, ensure};
use serde_json::Value;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use super::cluster::PATIENCE;
use crate::eventually;
use crate::node::ADDRESS;

/// Takes the last report of each voter.
pub struct Reports {
    /// Where voters bring them.
    pub address: String,
    taken: Arc<Mutex<Vec<Value>>>,
    task: JoinHandle<()>,
}

impl Reports {
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind((ADDRESS, 0)).await?;
        let address = listener.local_addr()?.to_string();
        let taken = Arc::<Mutex<Vec<Value>>>::default();
        let shared = taken.clone();
        let task = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut text = String::new();
                if stream.read_to_string(&mut text).await.is_ok()
                    && let Ok(report) = serde_json::from_str(&text)
                {
                    shared.lock().await.push(report);
                }
            }
        });
        Ok(Self { address, taken, task })
    }

    /// How many there are.
    pub async fn count(&self) -> usize {
        self.taken.lock().await.len()
    }

    /// The last one, once there are more than before.
    pub async fn next(&self, before: usize) -> Result<Value> {
        eventually(PATIENCE, "the last report of a voter", async || {
            let taken = self.taken.lock().await;
            ensure!(taken.len() > before, "{} reports", taken.len());
            Ok(taken.last().cloned().unwrap_or_default())
        })
        .await
    }
}

impl Drop for Reports {
    fn drop(&mut self) {
        self.task.abort();
    }
}
