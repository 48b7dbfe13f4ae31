//! From a token of the cluster to a signature, with failures in between.

use std::time::Duration;

use anyhow::{Result, ensure};
use futures::future::try_join_all;
use tests::fake_server::{For, Front};
use tests::fake_sts::{ACCOUNT, Fault};
use tests::node_client::{Load, Report};
use tests::waiting_signer::{PATIENCE, WaitingSigner, votes};
use tokio::task::JoinHandle;

use crate::cluster::Google;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_subject_of_the_token_signs_and_is_named_as_a_grant_names_it() -> Result<()> {
    let google = Google::start(false).await?;
    let token = google.project().await?;
    let mut signer = google.signer(&[])?;
    signer.until_ready().await?;
    signer.signs_all(votes(50), &google.key()).await?;
    let principal = format!(
        "asking KMS as principal://iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/atto-pool/subject/system:serviceaccount:{}:voter",
        google.identity.namespace
    );
    let log = signer.log();
    ensure!(log.contains(&principal), "{log}");
    ensure!(
        !log.contains(&token) && !log.contains("federated-"),
        "a token is never told: {log}"
    );
    ensure!(google.sts.exchanges() == 1, "{} exchanges", google.sts.exchanges());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_subject_acts_as_a_service_account() -> Result<()> {
    let google = Google::start(true).await?;
    google.project().await?;
    let mut signer = google.signer(&[("ATTO_SIGNER_GCP_SERVICE_ACCOUNT", ACCOUNT)])?;
    signer.until_ready().await?;
    signer.signs_all(votes(20), &google.key()).await?;
    signer.says(&format!("asking KMS as {ACCOUNT}")).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_subject_that_may_not_act_as_the_account_is_told_what_it_lacks() -> Result<()> {
    let google = Google::start(true).await?;
    google.project().await?;
    google.sts.allow_impersonation(false);
    let mut signer = google.signer(&[("ATTO_SIGNER_GCP_SERVICE_ACCOUNT", ACCOUNT)])?;
    signer.says("iam.serviceAccounts.getAccessToken").await?;
    signer.says("roles/iam.workloadIdentityUser").await?;
    google.sts.allow_impersonation(true);
    signer.until_ready().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_token_that_is_repeated_in_an_answer_is_told_to_nobody() -> Result<()> {
    let google = Google::start(false).await?;
    let token = google.project().await?;
    google.sts.faults().push(Fault::Echo, For::Ever);
    let mut signer = google.signer(&[])?;
    signer.says("the key cannot be used yet").await?;
    signer.says("[hidden]").await?;
    let told = format!("{}{}", signer.log(), signer.management("/health")?.body);
    // Not even a part of it may appear: of a long text, both ends are shown.
    ensure!(
        !told.contains(&token[..20]) && !told.contains(&token[token.len() - 20..]),
        "{told}"
    );
    Ok(())
}

/// Google's client shows the answer to each request for a signature, once the present token has expired.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_token_that_is_repeated_in_an_answer_to_a_renewal_is_told_to_nobody() -> Result<()> {
    let (google, token, mut signer) = with_tokens_that_end().await?;
    google.sts.faults().next(Fault::Echo);
    // So that the signer shows nothing else meanwhile.
    google.sts.faults().push(Fault::Hang, For::Ever);
    let voting = vote_on(&signer, &google)?;
    signer.until("DOWN", |signer| Ok(signer.health()? == "DOWN")).await?;
    let told = format!("{}{}", signer.log(), signer.management("/health")?.body);
    voting.abort();
    ensure!(told.contains("body=<"), "the answer is shown, but not whole: {told}");
    for secret in [&token[..20], &token[token.len() - 20..], "Subsequent calls"] {
        ensure!(!told.contains(secret), "{secret}: {told}");
    }
    Ok(())
}

/// The projected token, and a ready signer with access tokens that end after 15 s.
async fn with_tokens_that_end() -> Result<(Google, String, WaitingSigner)> {
    let google = Google::start(false).await?;
    let token = google.project().await?;
    google.sts.set_lifetime(15);
    let mut signer = google.signer(&[])?;
    signer.until_ready().await?;
    Ok((google, token, signer))
}

/// The library of Google's client waits without end for the answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_renewal_that_is_never_answered_is_followed_by_a_login() -> Result<()> {
    let (google, _, mut signer) = with_tokens_that_end().await?;
    google.sts.faults().next(Fault::Hang);
    let voting = vote_on(&signer, &google)?;
    signer
        .until("another login", |_| Ok(google.sts.exchanges() > 1))
        .await?;
    voting.abort();
    signer.signs_all(votes(20), &google.key()).await?;
    let log = signer.log();
    ensure!(!log.contains("no token within 10 s"), "{log}");
    Ok(())
}

/// Requests signatures of votes until the task is aborted.
fn vote_on(signer: &WaitingSigner, google: &Google) -> Result<JoinHandle<Result<Report>>> {
    let (node, key) = (signer.node()?, google.key());
    let load = Load {
        rate: 50,
        count: None,
        duration: Some(PATIENCE),
        patience: Duration::ZERO,
    };
    Ok(tokio::spawn(async move { load.run(&node, &key).await }))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_token_service_in_trouble_is_asked_again() -> Result<()> {
    let faults = [
        Fault::Status(400),
        Fault::Status(403),
        Fault::Status(500),
        Fault::Status(503),
        Fault::Html(502),
        Fault::Drop,
        Fault::Hang,
        Fault::Garbage,
    ];
    try_join_all(faults.map(async |fault| {
        let google = Google::start(false).await?;
        google.project().await?;
        google.sts.faults().push(fault, For::Calls(2));
        let mut signer = google.signer(&[])?;
        let ready = signer.until_ready().await;
        ready.map_err(|error| error.context(format!("{fault:?}")))?;
        signer.signs_all(votes(5), &google.key()).await
    }))
    .await?;
    Ok(())
}

/// Google's client renews a token with less than four minutes at least every 10 s.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn credentials_that_end_and_are_refused_come_back_and_no_vote_is_lost() -> Result<()> {
    let (google, _, mut signer) = with_tokens_that_end().await?;
    google.sts.set_front(Front::Refusing).await?;
    signer.says("the credentials no longer give a token").await?;
    let (node, key) = (signer.node()?, google.key());
    let loading = tokio::spawn(async move { votes(20).run(&node, &key).await });
    google.sts.set_front(Front::Serving).await?;
    let report = loading.await??;
    signer.has_signed_all(&report)?;
    signer.until("UP", |signer| Ok(signer.health()? == "UP")).await
}
