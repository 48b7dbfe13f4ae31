//! The start: the API is closed until the key has signed, and some errors end the start.

use std::time::Duration;

use anyhow::Result;
use futures::{StreamExt, stream};
use tests::docs::output::not_printed_by_preflight;
use tests::fake_kms::{Code, FakeKms, Fault, KeyState, Method, Permission};
use tests::fake_server::{For, Front};
use tests::process::Port;
use tests::signer_process::{environment, in_kms, run};

use crate::support::{Signer, all_signed, before, votes};

const BOTH: [Method; 2] = [Method::GetPublicKey, Method::AsymmetricSign];

async fn starts_when_it_can(
    what: &str,
    kms: FakeKms,
    tries: impl Fn(&FakeKms) -> u64,
    back: impl AsyncFnOnce(&FakeKms),
) {
    let mut signer = before(&kms, &[]).unwrap();
    signer
        .until(&format!("{what}: it tries twice"), |_| Ok(tries(&kms) >= 2))
        .await
        .unwrap();
    assert!(!signer.api_is_open(), "{what}");
    assert_eq!(signer.management("/health/readiness").unwrap().status, 503, "{what}");
    assert_eq!(signer.management("/health/liveness").unwrap().status, 200, "{what}");
    assert_eq!(signer.health().unwrap(), "DOWN", "{what}");
    signer.still_runs().unwrap();
    back(&kms).await;
    signer
        .until(what, |signer| Ok(signer.api_is_open() && signer.is_ready()?))
        .await
        .unwrap();
    all_signed(what, &signer, votes(3), &kms.verifying_key()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_api_stays_closed_while_a_call_fails_and_opens_when_it_does_not() {
    let others = [
        Fault::Html(502),
        Fault::BrokenJson,
        Fault::Drop,
        Fault::CorruptBytes,
        Fault::NoChecksum,
        Fault::OtherName,
        Fault::Short,
    ];
    let faults = Code::ALL.into_iter().map(Fault::Code).chain(others);
    let cases = faults.flat_map(|fault| BOTH.map(|method| (fault.clone(), method)));
    stream::iter(cases)
        .for_each_concurrent(16, async |(fault, method)| {
            let kms = FakeKms::start([21; 32]).unwrap();
            kms.faults(method).push(fault.clone(), For::Ever);
            let what = format!("{method:?} {fault:?}");
            let tries = move |kms: &FakeKms| kms.calls().of(method);
            starts_when_it_can(&what, kms, tries, async |kms| kms.faults(method).clear()).await;
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_api_stays_closed_while_kms_or_the_key_is_away() {
    let kms = FakeKms::start_with([22; 32], Front::Dropping).unwrap();
    starts_when_it_can("dropping", kms, FakeKms::connections, async |kms| {
        kms.set_front(Front::Serving).await.unwrap();
    })
    .await;
    let kms = FakeKms::start([23; 32]).unwrap();
    kms.set_key_state(KeyState::PendingGeneration);
    let tries = |kms: &FakeKms| kms.calls().of(Method::GetPublicKey);
    starts_when_it_can("generating", kms, tries, async |kms| {
        kms.set_key_state(KeyState::Enabled);
    })
    .await;
    let kms = FakeKms::start([24; 32]).unwrap();
    kms.revoke(Permission::UseToSign);
    let tries = |kms: &FakeKms| kms.calls().of(Method::AsymmetricSign);
    starts_when_it_can("useToSign", kms, tries, async |kms| kms.grant(Permission::UseToSign)).await;
}

async fn exits(kms: &FakeKms, changes: &[(&str, &str)]) -> (Option<i32>, String) {
    exits_with(&[], kms, changes).await
}

async fn exits_with(
    arguments: &'static [&'static str],
    kms: &FakeKms,
    changes: &[(&str, &str)],
) -> (Option<i32>, String) {
    let (port, management) = (Port::reserve().unwrap(), Port::reserve().unwrap());
    let (port, management) = (port.number().to_string(), management.number().to_string());
    let endpoint = kms.endpoint();
    let changes = changes.iter().copied();
    let all = environment(&port, &management)
        .into_iter()
        .chain(in_kms(&endpoint))
        .chain(changes);
    let all: Vec<_> = all.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let output = tokio::task::spawn_blocking(move || {
        let all: Vec<_> = all
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        run(arguments, &all)
    });
    let output = output.await.unwrap().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&text).into_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn only_a_permission_or_a_key_that_stays_away_ends_the_start() {
    let shortly = [("ATTO_SIGNER_STARTUP_TIMEOUT", "1s")];
    for method in BOTH {
        for code in [Code::PermissionDenied, Code::NotFound] {
            let kms = FakeKms::start([25; 32]).unwrap();
            kms.faults(method).push(Fault::Code(code), For::Ever);
            let (exit, text) = exits(&kms, &shortly).await;
            assert_eq!(exit, Some(77), "{method:?} {code:?}: {text}");
            assert!(text.contains("ATTO_SIGNER_KEY"), "{text}");
        }
        let kms = FakeKms::start([26; 32]).unwrap();
        kms.faults(method).push(Fault::Code(Code::Unavailable), For::Ever);
        let mut signer = before(&kms, &shortly).unwrap();
        signer
            .until("five tries", |_| Ok(kms.calls().of(method) >= 5))
            .await
            .unwrap();
        signer.still_runs().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_wrong_algorithm_and_a_wrong_key_end_the_start_at_once() -> Result<()> {
    let kms = FakeKms::start([27; 32])?;
    kms.faults(Method::GetPublicKey).next(Fault::OtherAlgorithm);
    let (exit, text) = exits(&kms, &[]).await;
    assert_eq!(exit, Some(78), "{text}");
    assert!(text.contains("EC_SIGN_P256_SHA256"), "{text}");
    let other = "AB".repeat(32);
    let (exit, text) = exits(&kms, &[("ATTO_SIGNER_EXPECTED_PUBLIC_KEY", &other)]).await;
    assert_eq!(exit, Some(78), "{text}");
    assert!(text.contains(&other), "{text}");
    assert_eq!(kms.calls().of(Method::AsymmetricSign), 0, "nothing was signed with it");
    Ok(())
}

/// The answer of a proxy or a load balancer in front of KMS is text from outside.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_error_page_is_one_short_line_wherever_it_is_shown() -> Result<()> {
    let kms = FakeKms::start([29; 32])?;
    kms.faults(Method::AsymmetricSign).push(Fault::Page(503), For::Ever);
    let mut signer = before(&kms, &[])?;
    let told = |signer: &Signer| signer.log().contains("UNAVAILABLE") && signer.log().contains("forged line");
    signer.until("it is told", |signer| Ok(told(signer))).await.unwrap();
    let body = signer.management("/health")?.body;
    let health: serde_json::Value = serde_json::from_str(&body)?;
    let message = health["components"]["backend"]["details"]["message"]
        .as_str()
        .unwrap_or_default();
    assert!(
        message.contains("forged line") && message.chars().count() <= 300,
        "{message}"
    );
    assert!(!message.contains(char::is_control), "{message:?}");
    for line in signer.log().lines() {
        assert!(line.len() < 1_000, "{line}");
        assert!(!line.starts_with("2026-01-01T00:00:00.000000Z  INFO forged"), "{line}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_project_that_kms_names_by_its_number_ends_the_start_with_the_name_to_set() -> Result<()> {
    let kms = FakeKms::start([30; 32])?;
    kms.faults(Method::GetPublicKey).push(Fault::ProjectNumber, For::Ever);
    let (exit, text) = exits(&kms, &[]).await;
    assert_eq!(exit, Some(78), "{text}");
    assert!(
        text.contains("set ATTO_SIGNER_KEY to projects/123456789012/locations/"),
        "{text}"
    );
    assert_eq!(kms.calls().of(Method::AsymmetricSign), 0, "nothing was signed with it");
    Ok(())
}

/// The pause between two attempts is two seconds. A start with a healthy KMS has no pause.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_start_asks_once_for_the_key_and_has_one_text_signed_twice() {
    let kms = FakeKms::start([28; 32]).unwrap();
    kms.faults(Method::AsymmetricSign)
        .next(Fault::Delay(Duration::from_millis(50)));
    let mut signer = before(&kms, &[]).unwrap();
    signer
        .until("it is ready", |signer| Ok(signer.api_is_open() && signer.is_ready()?))
        .await
        .unwrap();
    assert_eq!(
        (kms.calls().of(Method::GetPublicKey), kms.calls().to_sign_bytes(41)),
        (1, 2)
    );
    assert_eq!(
        kms.calls().of(Method::AsymmetricSign),
        2,
        "a self-test is no hash of Atto's"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_key_service_that_signs_the_same_in_two_ways_ends_start_and_preflight() {
    let kms = FakeKms::start([29; 32]).unwrap();
    kms.faults(Method::AsymmetricSign)
        .push(Fault::OtherSignature, For::Ever);
    for arguments in [&[][..], &["preflight"]] {
        let (exit, text) = exits_with(arguments, &kms, &[]).await;
        assert_eq!(exit, Some(78), "{arguments:?}: {text}");
        assert!(
            text.contains("ATTO_SIGNER_KEY: found two different signatures over the same bytes"),
            "{arguments:?}: {text}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_pages_show_what_preflight_prints() -> Result<()> {
    let kms = FakeKms::start([30; 32])?;
    let (exit, text) = exits_with(&["preflight"], &kms, &[]).await;
    assert_eq!(exit, Some(0), "{text}");
    for page in ["google-identity", "google-federation"] {
        let path = format!("docs/src/how-to/{page}.md");
        assert_eq!(not_printed_by_preflight(&path, &text)?, None, "{path}: {text}");
    }
    Ok(())
}
