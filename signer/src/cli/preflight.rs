//! `signer preflight`: everything that signing needs, before a node depends on it.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    commands::{LIMIT, describe, load, refused, runtime, unavailable},
    failure::Failure,
};
use crate::{
    backend::{Backend, BackendError, Fault, Loaded, LocalKey, SessionKey, bounded, prove},
    config::KeyConfig,
    exit::{CONFIGURATION, UNAVAILABLE},
    protocol::{Address, PublicKey},
};

const SIGNATURES: usize = 10;
/// The node gives a signature one second, of which the network has its share.
const SLOW: Duration = Duration::from_millis(300);

/// Prints a line for each thing that is right, and ends at the first that is not.
pub fn run(config: &KeyConfig, expected: Option<PublicKey>) -> Result<(), Failure> {
    let runtime = runtime()?;
    for warning in config.warnings() {
        println!("proxy       WARNING: {warning}");
    }
    match config {
        KeyConfig::Local(seed) => {
            let key = LocalKey::new(seed).map_err(|error| unavailable(&error))?;
            runtime.block_on(examine(&key, expected, |fault| {
                Failure::new(UNAVAILABLE, fault.to_string())
            }))
        }
        KeyConfig::Remote(location) => runtime.block_on(async {
            let (session, Loaded { public_key, facts }) = load(&**location).await?;
            let identity = session.identity();
            println!(
                "credentials ok: {}",
                identity.as_deref().unwrap_or("nobody in particular")
            );
            println!("public key  ok: {}", facts.join(", "));
            let key = SessionKey::new(session.clone(), public_key);
            examine(&key, expected, |fault| refused(&*session, fault)).await
        }),
    }
}

async fn examine<B: Backend>(
    key: &B,
    expected: Option<PublicKey>,
    refused: impl Fn(&Fault) -> Failure,
) -> Result<(), Failure> {
    let found = key.public_key();
    println!("{}", describe(found));
    match expected {
        Some(expected) if expected != found => {
            let text = format!(
                "ATTO_SIGNER_EXPECTED_PUBLIC_KEY: found a key of {}, expected {}; set the key or the expectation right",
                Address(found),
                Address(expected)
            );
            return Err(Failure::new(CONFIGURATION, text));
        }
        Some(_) => println!("expected    ok: it is the expected key"),
        None => println!("expected    not set: ATTO_SIGNER_EXPECTED_PUBLIC_KEY would refuse any other key"),
    }
    let mut times = Vec::with_capacity(SIGNATURES);
    for _ in 0..SIGNATURES {
        let start = Instant::now();
        let proven = bounded(LIMIT, prove(key)).await;
        match proven.unwrap_or_else(|lost| Err(BackendError::Fault(lost.into()))) {
            Ok(()) => times.push(start.elapsed()),
            Err(BackendError::Fault(fault)) => return Err(refused(&fault)),
            Err(error) => return Err(unavailable(&error)),
        }
    }
    println!("signatures  ok: {SIGNATURES} made and verified");
    println!("{}", speed(times));
    Ok(())
}

fn speed(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let (median, worst) = (times[times.len() / 2], times[times.len() - 1]);
    let (verdict, advice) = if worst > SLOW {
        (
            "WARNING",
            "; more than 300 ms: use a key in a location nearer to the node",
        )
    } else {
        ("ok", "")
    };
    format!(
        "speed       {verdict}: median {} ms, worst {} ms{advice}",
        median.as_millis(),
        worst.as_millis()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_slow_signature_of_ten_is_a_warning() {
        let mut times = vec![Duration::from_millis(20); 10];
        assert_eq!(speed(times.clone()), "speed       ok: median 20 ms, worst 20 ms");
        times[0] = Duration::from_millis(301);
        assert!(speed(times).starts_with("speed       WARNING: median 20 ms, worst 301 ms; "));
    }
}
