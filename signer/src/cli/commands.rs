use std::{sync::Arc, time::Duration};

use super::failure::Failure;
use crate::{
    backend::{
        Backend, BackendError, Cause, Fault, LoadError, Loaded, LocalKey, Location, Seed, Session, bounded, random,
    },
    config::KeyConfig,
    exit::{CONFIGURATION, PERMISSION, UNAVAILABLE},
    protocol::{Address, PublicKey},
};

pub fn unavailable(error: &BackendError) -> Failure {
    Failure::new(UNAVAILABLE, error.to_string())
}

pub fn describe(public_key: PublicKey) -> String {
    format!("public key  {public_key}\naddress     {}", Address(public_key))
}

/// How long a command waits for a key service.
pub const LIMIT: Duration = Duration::from_secs(15);

/// `signer public-key`
pub fn public_key(config: &KeyConfig) -> Result<(), Failure> {
    let public_key = match config {
        KeyConfig::Local(seed) => LocalKey::new(seed).map_err(|error| unavailable(&error))?.public_key(),
        KeyConfig::Remote(location) => runtime()?.block_on(load(&**location))?.1.public_key,
    };
    println!("{}", describe(public_key));
    Ok(())
}

pub fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(UNAVAILABLE, format!("the command could not be started: {error}")))
}

/// A session with the key service, and its answer about the key.
pub async fn load(location: &dyn Location) -> Result<(Arc<dyn Session>, Loaded), Failure> {
    let session = location.open();
    tokio::spawn(session.clone().upkeep());
    session.settled(LIMIT).await;
    let loaded = bounded(LIMIT, session.load()).await;
    match loaded.unwrap_or_else(|lost| Err(LoadError::Fault(lost.into()))) {
        Ok(loaded) => Ok((session, loaded)),
        Err(LoadError::Fault(fault)) => Err(refused(&*session, &fault)),
        Err(LoadError::Never(reason)) => Err(Failure::new(CONFIGURATION, format!("ATTO_SIGNER_KEY: {reason}"))),
    }
}

pub fn refused(session: &dyn Session, fault: &Fault) -> Failure {
    let code = match fault.cause {
        Cause::PermissionDenied | Cause::NotFound => PERMISSION,
        _ => UNAVAILABLE,
    };
    Failure::new(code, format!("{fault}; {}", session.remedy(fault.cause)))
}

/// `signer key generate`
pub fn generate_key() -> Result<(), Failure> {
    let seed = Seed::generate().map_err(|error| unavailable(&error))?;
    let key = LocalKey::new(&seed).map_err(|error| unavailable(&error))?;
    eprintln!("{}", describe(key.public_key()));
    println!("{}", seed.expose().as_str());
    Ok(())
}

/// `signer token generate`
pub fn generate_token() -> Result<(), Failure> {
    println!(
        "{}",
        data_encoding::HEXLOWER.encode(&random::<32>().map_err(|error| unavailable(&error))?)
    );
    Ok(())
}
