use std::{sync::Arc, time::Duration};

use tokio::time::timeout;

use super::failure::Failure;
use crate::{
    backend::{
        Backend, BackendError, Cause, Clients, Fault, GcpConfig, GcpKey, LocalKey, PublicKeyError, Seed, random, remedy,
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

/// How long a command waits for Google.
pub const LIMIT: Duration = Duration::from_secs(15);

/// `signer public-key`
pub fn public_key(config: &KeyConfig) -> Result<(), Failure> {
    let public_key = match config {
        KeyConfig::Local(seed) => LocalKey::new(seed).map_err(|error| unavailable(&error))?.public_key(),
        KeyConfig::Gcp(config) => runtime()?.block_on(gcp_key(config))?.0.public_key(),
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

/// The key version, its public key read, and who asked for it.
pub async fn gcp_key(config: &GcpConfig) -> Result<(GcpKey, Arc<Clients>), Failure> {
    let clients = Clients::new(config.endpoint.clone());
    tokio::spawn(clients.clone().keep());
    clients.settle(LIMIT).await;
    let loaded = timeout(LIMIT, GcpKey::load(clients.clone(), &config.key_version)).await;
    let loaded = loaded.unwrap_or_else(|_| Err(Fault::new(Cause::Timeout, "no answer within 15 s").into()));
    loaded.map(|key| (key, clients)).map_err(|error| match error {
        PublicKeyError::Fault(fault) => refused(&fault),
        PublicKeyError::Algorithm(_) => Failure::new(CONFIGURATION, format!("ATTO_SIGNER_KEY: {error}")),
    })
}

pub fn refused(fault: &Fault) -> Failure {
    let code = match fault.cause {
        Cause::PermissionDenied | Cause::NotFound => PERMISSION,
        _ => UNAVAILABLE,
    };
    Failure::new(code, format!("{fault}; {}", remedy(fault.cause)))
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
