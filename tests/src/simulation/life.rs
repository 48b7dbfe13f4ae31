//! The successive processes of a signer.

use std::path::PathBuf;

use anyhow::Result;
use signer::token::Token;
use tokio::time::{Instant, sleep, sleep_until};

use super::health::Sampler;
use super::instance::{Instance, Remains};
use super::kms::Kms;
use super::plan::Restart;
use crate::simulated::Door;

pub use super::instance::Figures;

/// The environment of each process.
#[derive(Clone)]
pub struct Life {
    pub kms: Kms,
    pub token: Token,
    pub door: Door,
    pub sampler: Sampler,
    pub file: PathBuf,
}

/// After the last restart.
pub struct Lived {
    pub last: Instance,
    pub remains: Vec<Remains>,
    /// When connections were refused.
    pub closed: Vec<(Instant, Instant)>,
}

impl Life {
    /// Starts the first process now, and restarts it as planned.
    pub async fn live(self, restarts: Vec<Restart>, start: Instant) -> Result<Lived> {
        let mut closed_since = Instant::now();
        let (mut remains, mut closed) = (Vec::new(), Vec::new());
        let mut last = self.process(0).await?;
        closed.push((closed_since, Instant::now()));
        for (number, (at, down)) in restarts.into_iter().enumerate() {
            sleep_until(start + at).await;
            closed_since = Instant::now();
            self.sampler.watch(None);
            remains.push(last.end(&self.door).await?);
            sleep(down).await;
            last = self.process(number + 1).await?;
            closed.push((closed_since, Instant::now()));
        }
        Ok(Lived { last, remains, closed })
    }

    async fn process(&self, number: usize) -> Result<Instance> {
        let mut instance = Instance::new(number, &self.kms, self.file.with_extension(number.to_string()))?;
        self.sampler.watch(Some((number, instance.health.clone())));
        instance.start(&self.kms, &self.token, &self.door).await?;
        Ok(instance)
    }
}
