//! A failing service: its own errors, and errors of servers in between.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use http::StatusCode;
use tests::fake_server::For;
use tests::key_front::{Act, answer};
use tests::key_services::{KeyService, Trouble, environment_of, is_public_key, is_sign, ready, start};
use tests::waiting_signer::{WaitingSigner, votes};

/// Answers that any server may send instead of the service's.
fn in_between() -> Vec<(&'static str, Act)> {
    let html = [("content-type", "text/html")];
    let page = |status| {
        answer(
            status,
            &html,
            "<html><title>proxy</title>\n2026-01-01T00:00:00Z  INFO forged</html>",
        )
    };
    let json = [("content-type", "application/json")];
    vec![
        ("a page with 500", page(StatusCode::INTERNAL_SERVER_ERROR)),
        ("a page with 502", page(StatusCode::BAD_GATEWAY)),
        ("a page with 200", page(StatusCode::OK)),
        (
            "a redirect",
            answer(StatusCode::FOUND, &[("location", "http://127.0.0.1:1/")], ""),
        ),
        ("half of a JSON", answer(StatusCode::OK, &json, "{\"signature\": \"")),
        ("an empty answer", answer(StatusCode::OK, &json, "")),
        ("a megabyte", answer(StatusCode::OK, &json, vec![b' '; 1 << 20])),
        ("a closed connection", Act::Cut),
        ("a lost answer", Act::Lose),
    ]
}

fn own_words(service: &dyn KeyService) -> Vec<(String, Act)> {
    let all = Trouble::ALL.into_iter();
    all.filter_map(|trouble| Some((format!("{trouble:?}"), service.trouble(trouble)?)))
        .collect()
}

fn everything(service: &dyn KeyService) -> Vec<(String, Act)> {
    let between = in_between().into_iter().map(|(what, act)| (what.to_owned(), act));
    own_words(service).into_iter().chain(between).collect()
}

pub async fn closed_until_it_signs(service: &dyn KeyService) -> Result<()> {
    for trouble in [Trouble::Unavailable, Trouble::Denied] {
        let Some(act) = service.trouble(trouble) else { continue };
        for is_of_the_key in [true, false] {
            let what = format!(
                "{trouble:?} of the {}",
                if is_of_the_key { "public key" } else { "signature" }
            );
            if is_of_the_key {
                service.front().on(is_public_key(service), act.clone(), For::Ever);
            } else {
                service.front().on(is_sign(service), act.clone(), For::Ever);
            }
            let mut signer = start(service, &[])?;
            let down = signer.until(&what, |signer| Ok(signer.log().contains("the key cannot be used yet")));
            down.await?;
            ensure!(
                !signer.api_is_open() && signer.health()? == "DOWN",
                "{what}: {}",
                signer.log()
            );
            ensure!(signer.management("/health/liveness")?.status == 200, "{what}");
            service.front().clear();
            signer.until_ready().await.context(what)?;
        }
    }
    Ok(())
}

pub async fn no_answer_is_a_5xx(service: &dyn KeyService) -> Result<()> {
    let signer = ready(service, &[]).await?;
    for (what, act) in everything(service) {
        // Enough to open the breaker and to affect its probe.
        service.front().on(is_sign(service), act, For::Calls(4));
        let all = signer.signs_all(votes(5), &service.key()).await;
        all.with_context(|| what)?;
        service.front().clear();
    }
    Ok(())
}

pub async fn wrong_signatures_stay_here(service: &dyn KeyService) -> Result<()> {
    let signer = ready(service, &[]).await?;
    for (what, act) in service.wrong_signatures() {
        service.front().on(is_sign(service), act, For::Calls(3));
        // The node verifies each signature, and fails on an invalid one.
        let all = signer.signs_all(votes(5), &service.key()).await;
        all.with_context(|| what)?;
        service.front().clear();
    }
    Ok(())
}

async fn cause(signer: &mut WaitingSigner, expected: &[&str]) -> Result<()> {
    let mut seen = BTreeSet::new();
    let waited = signer.until("the cause", |signer| {
        let health = signer.health_body()?;
        let details = health["components"]["backend"]["details"].to_string();
        let found = expected
            .iter()
            .any(|cause| details.contains(&format!("\"{cause}\"")) || details.contains(&format!("{cause}:")));
        seen.insert(details);
        Ok(found)
    });
    let waited = waited.await;
    waited.with_context(|| format!("{expected:?}, found {seen:#?}"))
}

pub async fn health_names_the_cause(service: &dyn KeyService) -> Result<()> {
    for (trouble, expected) in [
        (Trouble::Unavailable, &["UNAVAILABLE"][..]),
        (Trouble::Denied, &["PERMISSION_DENIED"]),
        (Trouble::NotFound, &["NOT_FOUND"]),
        (Trouble::Disabled, &["FAILED_PRECONDITION"]),
        (Trouble::Expired, &["UNAUTHENTICATED", "CREDENTIALS"]),
    ] {
        let Some(act) = service.trouble(trouble) else { continue };
        service.front().on(is_sign(service), act, For::Ever);
        let mut signer = start(service, &[])?;
        cause(&mut signer, expected)
            .await
            .with_context(|| format!("{trouble:?}"))?;
        service.front().clear();
        signer
            .until_ready()
            .await
            .with_context(|| format!("after {trouble:?}"))?;
    }
    Ok(())
}

pub async fn the_start_ends_with_a_remedy(service: &dyn KeyService) -> Result<()> {
    for trouble in [Trouble::Denied, Trouble::NotFound] {
        let Some(act) = service.trouble(trouble) else { continue };
        service.front().on(is_public_key(service), act, For::Ever);
        let environment = environment_of(service, &[("ATTO_SIGNER_STARTUP_TIMEOUT", "1s")])?;
        let output = tokio::task::spawn_blocking(move || environment.run(&[])).await??;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure!(
            output.status.code() == Some(77),
            "{trouble:?}: {:?} {said}",
            output.status
        );
        ensure!(said.contains("ATTO_SIGNER_KEY"), "{trouble:?}: {said}");
        service.front().clear();
    }
    Ok(())
}

pub async fn throttling_makes_no_storm(service: &dyn KeyService) -> Result<()> {
    let Some(act) = service.trouble(Trouble::Throttled) else {
        return Ok(());
    };
    let signer = ready(service, &[]).await?;
    let before = service.front().count(is_sign(service));
    service.front().on(is_sign(service), act, For::Calls(5));
    let report = signer.signs_all(votes(10), &service.key()).await?;
    let calls = service.front().count(is_sign(service)) - before;
    // Ten votes and five refusals. Further calls are hedges on a busy computer.
    ensure!(calls <= 20, "{calls} calls for {report:?}");
    Ok(())
}
