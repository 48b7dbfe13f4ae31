use super::{Failure, UNAVAILABLE};
use crate::{
    backend::{Backend, BackendError, LocalKey, Seed, random},
    config::KeyConfig,
    protocol::{Address, PublicKey},
};

fn unavailable(error: BackendError) -> Failure {
    Failure::new(UNAVAILABLE, error.to_string())
}

fn describe(public_key: PublicKey) -> String {
    format!("public key  {public_key}\naddress     {}", Address(public_key))
}

/// `signer public-key`
pub fn public_key(config: &KeyConfig) -> Result<(), Failure> {
    let key = LocalKey::new(&config.seed).map_err(unavailable)?;
    println!("{}", describe(key.public_key()));
    Ok(())
}

/// `signer key generate`
pub fn generate_key() -> Result<(), Failure> {
    let seed = Seed::generate().map_err(unavailable)?;
    let key = LocalKey::new(&seed).map_err(unavailable)?;
    eprintln!("{}", describe(key.public_key()));
    println!("{}", seed.expose().as_str());
    Ok(())
}

/// `signer token generate`
pub fn generate_token() -> Result<(), Failure> {
    println!(
        "{}",
        data_encoding::HEXLOWER.encode(&random::<32>().map_err(unavailable)?)
    );
    Ok(())
}
