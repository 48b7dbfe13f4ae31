//! With a sealed, unavailable, standby or slow server, no vote is lost, and no client gets a 5xx.

use anyhow::{Result, ensure};
use http::StatusCode;
use tests::fake_server::{For, Front};
use tests::key_front::{Act, KeyFront, answer};
use tests::openbao::OpenBao;

use super::support::{Signer, Voter, is_sign};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_server_that_is_sealed_or_restarted_signs_again_without_a_new_start() -> Result<()> {
    let Voter {
        bao,
        front,
        key,
        settings,
    } = Voter::at(OpenBao::start_durable().await?)?;
    let mut signer = Signer::ready(&settings).await?;
    bao.seal()?;
    let told = signer.fails_with("UNAVAILABLE", Some(&key)).await?;
    assert!(told.contains("sealed"), "{told}");
    // A signer that starts now waits.
    let mut late = Signer::start(&settings)?;
    late.logs("bao operator unseal").await?;
    bao.unseal().await?;
    signer.signs(&key).await?;
    late.until("the late one is ready", Signer::is_ready).await?;

    bao.stop()?;
    signer.fails_with("DOWN", Some(&key)).await?;
    bao.restart().await?;
    signer.signs(&key).await?;
    ensure!(front.count(is_sign) > 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_server_that_refuses_connections_or_never_answers_costs_no_vote() -> Result<()> {
    let Voter {
        front,
        key,
        settings,
        bao,
    } = Voter::new().await?;
    let mut signer = Signer::ready(&settings).await?;
    for meets in [Front::Refusing, Front::Dropping, Front::Silent] {
        front.set_front(meets).await?;
        let waiting = signer.node();
        let vote = tests::node_client::random_vote(&key);
        let (asked, signs) = (key, vote.clone());
        let pending = tokio::spawn(async move { waiting.sign(&signs, &asked).await });
        signer.fails_with("DOWN", Some(&key)).await?;
        front.set_front(Front::Serving).await?;
        let outcome = tokio::time::timeout(super::support::PATIENCE, pending).await??;
        assert!(outcome.result.is_ok(), "{meets:?}: {outcome:?}\n{}", signer.log());
        signer.signs(&key).await?;
    }
    // Connections were replaced meanwhile, and the token stayed.
    let looked_up = front.count(|asked| asked.path.ends_with("/lookup-self"));
    assert_eq!(
        looked_up,
        1,
        "the token in the file was looked up once: {}",
        signer.log()
    );
    drop(bao);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whatever_a_standby_or_a_proxy_answers_is_told_by_its_cause() -> Result<()> {
    let Voter {
        front,
        key,
        settings,
        bao,
    } = Voter::new().await?;
    let mut signer = Signer::ready(&settings).await?;
    let errors = |text: &str| serde_json::json!({ "errors": [text] }).to_string();
    for (status, body, cause) in [
        (472, String::new(), "UNAVAILABLE"),
        (473, String::new(), "UNAVAILABLE"),
        (503, errors("Vault is sealed"), "UNAVAILABLE"),
        (
            500,
            errors("local node not active but active cluster node not found"),
            "UNAVAILABLE",
        ),
        (502, "<html>bad gateway</html>".to_owned(), "UNAVAILABLE"),
        (500, errors("internal error"), "INTERNAL"),
        (412, errors("required index state not present"), "ABORTED"),
        (
            429,
            errors("request path \"transit/sign/voter\": rate limit quota exceeded"),
            "RESOURCE_EXHAUSTED",
        ),
        (504, String::new(), "DEADLINE_EXCEEDED"),
        (418, String::new(), "OTHER"),
        (403, "<html>blocked</html>".to_owned(), "PERMISSION_DENIED"),
        (404, "<html>nothing here</html>".to_owned(), "NOT_FOUND"),
    ] {
        let status = StatusCode::from_u16(status)?;
        front.on(is_sign, answer(status, &[], body), For::Ever);
        signer.fails_with(cause, Some(&key)).await?;
        front.clear();
        signer.signs(&key).await?;
        signer
            .until("it is up again", |signer| {
                signer.vote(&key)?;
                let backend = signer.backend()?;
                ensure!(backend["status"] == "UP", "{status}: {backend}");
                Ok(())
            })
            .await?;
    }
    let metrics = signer.metrics()?;
    assert!(metrics.contains(r#"backend="VAULT""#), "{metrics}");
    drop(bao);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_redirect_takes_the_token_to_no_other_server() -> Result<()> {
    let Voter {
        front,
        key,
        settings,
        bao,
    } = Voter::new().await?;
    let elsewhere = KeyFront::start(bao.address())?;
    let mut signer = Signer::ready(&settings).await?;
    for status in [
        StatusCode::TEMPORARY_REDIRECT,
        StatusCode::PERMANENT_REDIRECT,
        StatusCode::FOUND,
    ] {
        let to = format!("{}/v1/transit/sign/voter", elsewhere.url());
        front.on(is_sign, answer(status, &[("location", &to)], ""), For::Ever);
        signer.fails_with("UNAVAILABLE", Some(&key)).await?;
        front.clear();
        signer.signs(&key).await?;
    }
    assert!(elsewhere.asked().is_empty(), "{:?}", elsewhere.asked());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_answer_that_is_lost_or_cut_is_asked_for_again() -> Result<()> {
    let Voter {
        front,
        key,
        settings,
        bao,
    } = Voter::new().await?;
    let signer = Signer::ready(&settings).await?;
    for act in [
        Act::Cut,
        Act::Lose,
        answer(StatusCode::OK, &[], "{"),
        answer(StatusCode::BAD_GATEWAY, &[], ""),
    ] {
        front.on(is_sign, act, For::Calls(2));
        signer.signs(&key).await?;
        front.clear();
    }
    drop(bao);
    Ok(())
}
