//! `signer preflight`: checks everything that signing requires, before a node depends on it.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    commands::{LIMIT, describe, load, refused, runtime, unavailable},
    failure::Failure,
};
use crate::{
    backend::{
        Backend, BackendError, Fault, Loaded, LocalKey, SessionKey, bounded, prove_twice, self_test_text, verify,
    },
    config::KeyConfig,
    exit::{CONFIGURATION, UNAVAILABLE},
    protocol::{Address, PublicKey},
    telemetry::{CLIENT_LIMIT, Latencies, Latency, SIGNATURES, Spread},
};

/// The node waits one second for a signature, including the network.
const SLOW: Duration = Duration::from_millis(300);

/// Prints a line for each passed check, and ends at the first failure.
pub fn run(config: &KeyConfig, expected: Option<PublicKey>) -> Result<(), Failure> {
    let runtime = runtime()?;
    for warning in config.warnings() {
        println!("settings    WARNING: {warning}");
    }
    match config {
        KeyConfig::Local(seed) => {
            let key = LocalKey::new(seed).map_err(|error| unavailable(&error))?;
            runtime.block_on(examine(&key, expected, false, |fault| {
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
            examine(&key, expected, true, |fault| refused(&*session, fault)).await
        }),
    }
}

async fn examine<B: Backend>(
    key: &B,
    expected: Option<PublicKey>,
    is_remote: bool,
    refused: impl Fn(&Fault) -> Failure,
) -> Result<(), Failure> {
    let failed = |error: BackendError| match error {
        BackendError::Fault(fault) => refused(&fault),
        BackendError::Differs => Failure::new(CONFIGURATION, format!("ATTO_SIGNER_KEY: {error}")),
        error => unavailable(&error),
    };
    let found = key.public_key();
    println!("{}", describe(found));
    match expected {
        Some(expected) if expected != found => {
            let text = format!(
                "ATTO_SIGNER_EXPECTED_PUBLIC_KEY: found a key of {}, expected {}. Correct the key or the expectation",
                Address(found),
                Address(expected)
            );
            return Err(Failure::new(CONFIGURATION, text));
        }
        Some(_) => println!("expected    ok: it is the expected key"),
        None => println!("expected    not set: ATTO_SIGNER_EXPECTED_PUBLIC_KEY would refuse any other key"),
    }
    let proven = bounded(LIMIT, prove_twice(key)).await;
    proven.unwrap_or_else(|lost| Err(lost.into())).map_err(&failed)?;
    println!("determinism ok: the same bytes have the same signature");
    let latencies = Latencies::default();
    for _ in 0..SIGNATURES {
        let (total, backend) = sign(key).await.map_err(&failed)?;
        latencies.note(total, Some(backend).filter(|_| is_remote));
    }
    println!("signatures  ok: {SIGNATURES} made and verified");
    if let Some(latency) = latencies.latency() {
        println!("{}", speed(&latency));
    }
    Ok(())
}

/// The duration of a verified signature, and its key.
async fn sign<B: Backend>(key: &B) -> Result<(Duration, Duration), BackendError> {
    let start = Instant::now();
    let text = self_test_text()?;
    let asked = Instant::now();
    let signature = bounded(LIMIT, key.sign(&text))
        .await
        .unwrap_or_else(|lost| Err(lost.into()))?;
    let backend = asked.elapsed();
    verify(key.public_key(), &text, &signature)?;
    Ok((start.elapsed(), backend))
}

fn speed(latency: &Latency) -> String {
    let Latency {
        total, backend, added, ..
    } = latency;
    let figures = |Spread {
                       median_millis,
                       worst_millis,
                   }: &Spread| format!("median {median_millis:.1} ms, worst {worst_millis:.1} ms");
    let (verdict, advice) = if total.worst_millis > SLOW.as_secs_f64() * 1e3 {
        (
            "WARNING",
            "; more than 300 ms: for a new voter, create the key closer to the node; for a running voter, check the network and the \
             CPU of the pod, because another key is another voter",
        )
    } else {
        ("ok", "")
    };
    let shares = match (backend, added) {
        (Some(backend), Some(added)) => format!(
            "; the key service took {}, the signer added {}",
            figures(backend),
            figures(added)
        ),
        _ => String::new(),
    };
    format!(
        "speed       {verdict}: {} of {} signatures{shares}; a node waits {} ms{advice}",
        figures(total),
        latency.signatures,
        CLIENT_LIMIT.as_millis()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_slow_signature_is_a_warning() {
        let (latencies, ms) = (Latencies::default(), Duration::from_millis);
        (0..50).for_each(|_| latencies.note(ms(20), Some(ms(19))));
        let line = |latencies: &Latencies| speed(&latencies.latency().unwrap());
        assert_eq!(
            line(&latencies),
            "speed       ok: median 20.0 ms, worst 20.0 ms of 50 signatures; the key service took median 19.0 ms, worst 19.0 ms, \
             the signer added median 1.0 ms, worst 1.0 ms; a node waits 1000 ms"
        );
        latencies.note(ms(301), None);
        assert!(line(&latencies).starts_with("speed       WARNING: median 20.0 ms, worst 301.0 ms of 50 signatures; "));
    }
}
