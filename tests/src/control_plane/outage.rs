//! Stops and restarts parts of a control plane, with the same ports and data. Not for a shared control plane.

use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::Result;
use nix::sys::signal::Signal;

use super::{ControlPlane, programs, ready};
use crate::assets;
use crate::process::Process;

impl ControlPlane {
    /// Kills kube-apiserver and returns when it has ended.
    pub fn kill_apiserver(&self) -> Result<()> {
        end(&self.apiserver)
    }

    /// Starts kube-apiserver again, and waits until it is ready.
    pub async fn start_apiserver(&self) -> Result<()> {
        let programs = assets::kubernetes()?;
        let etcd = lock(&self.etcd).lifeline_of_its_own()?;
        let mut started = programs::kube_apiserver(programs, self.directory.path(), Some(&etcd), self.address)?;
        ready(&self.admin, &mut [&mut started]).await?;
        *lock(&self.apiserver) = started;
        Ok(())
    }

    /// Kills etcd. The API server keeps running, but cannot work.
    pub fn kill_etcd(&self) -> Result<()> {
        end(&self.etcd)
    }

    /// Starts etcd again, and waits until the API server is ready.
    pub async fn start_etcd(&self) -> Result<()> {
        let mut started = programs::etcd(assets::kubernetes()?, &self.directory)?;
        ready(&self.admin, &mut [&mut started]).await?;
        *lock(&self.etcd) = started;
        Ok(())
    }
}

/// By process id, because programs that must end earlier also hold the program's lifeline.
fn end(process: &Mutex<Process>) -> Result<()> {
    let mut process = lock(process);
    process.signal(Signal::SIGKILL)?;
    process.wait()?;
    Ok(())
}

pub(super) fn lock(process: &Mutex<Process>) -> MutexGuard<'_, Process> {
    process.lock().unwrap_or_else(PoisonError::into_inner)
}
