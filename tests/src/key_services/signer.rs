//! A signer that uses a test's key service.

use std::process::Output;

use anyhow::Result;

use super::KeyService;
use crate::process::Port;
use crate::signer_process::{environment, run};
use crate::waiting_signer::WaitingSigner;

/// A started signer, with these changes of its environment.
///
/// # Errors
/// The signer cannot be started.
pub fn start(service: &dyn KeyService, changes: &[(&str, &str)]) -> Result<WaitingSigner> {
    let of_service = service.environment();
    let mut all: Vec<_> = of_service.iter().map(|(name, value)| (*name, value.as_str())).collect();
    all.extend_from_slice(changes);
    WaitingSigner::start(&all)
}

/// A ready signer.
///
/// # Errors
/// The signer does not become ready. The error contains its log.
pub async fn ready(service: &dyn KeyService, changes: &[(&str, &str)]) -> Result<WaitingSigner> {
    let mut signer = start(service, changes)?;
    signer.until_ready().await?;
    Ok(signer)
}

/// The whole environment of a signer that ends by itself.
pub struct Environment {
    all: Vec<(String, String)>,
    _ports: [Port; 2],
}

/// The environment of a signer that uses the service, with these changes.
///
/// # Errors
/// If there is no free port.
pub fn environment_of(service: &dyn KeyService, changes: &[(&str, &str)]) -> Result<Environment> {
    let ports = [Port::reserve()?, Port::reserve()?];
    let [port, management] = ports.each_ref().map(|port| port.number().to_string());
    let own = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    let mut all: Vec<_> = environment(&port, &management).into_iter().map(own).collect();
    all.extend(
        service
            .environment()
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value)),
    );
    all.extend(changes.iter().copied().map(own));
    Ok(Environment { all, _ports: ports })
}

impl Environment {
    /// Runs the signer with this environment until it ends.
    ///
    /// # Errors
    /// The signer does not end.
    pub fn run(&self, arguments: &[&str]) -> Result<Output> {
        let all: Vec<_> = self
            .all
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        run(arguments, &all)
    }
}
