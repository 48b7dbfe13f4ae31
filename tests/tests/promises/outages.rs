//! A service that does not answer, or not in time.

use std::time::Duration;

use anyhow::{Result, ensure};
use tests::fake_server::{For, Front};
use tests::key_front::Act;
use tests::key_services::{KeyService, is_sign, ready};
use tests::waiting_signer::{WaitingSigner, votes};

pub async fn slow(service: &dyn KeyService) -> Result<()> {
    let signer = ready(service, &[]).await?;
    service
        .front()
        .on(is_sign(service), Act::Delay(Duration::from_millis(1_300)), For::Ever);
    signer.signs_all(votes(20), &service.key()).await?;
    Ok(())
}

async fn away(
    service: &dyn KeyService,
    signer: &mut WaitingSigner,
    begin: impl AsyncFnOnce() -> Result<()>,
    end: impl AsyncFnOnce() -> Result<()>,
) -> Result<()> {
    begin().await?;
    let (node, key) = (signer.node()?, service.key());
    let loading = tokio::spawn(async move { votes(20).run(&node, &key).await });
    signer.until("DOWN", |signer| Ok(signer.health()? == "DOWN")).await?;
    ensure!(signer.api_is_open(), "{}", signer.log());
    end().await?;
    let report = loading.await??;
    signer.has_signed_all(&report)?;
    signer
        .until("UP", |signer| Ok(signer.health()? == "UP" && signer.is_ready()?))
        .await
}

pub async fn silent(service: &dyn KeyService) -> Result<()> {
    let mut signer = ready(service, &[]).await?;
    let front = service.front();
    let begin = async || {
        front.on(is_sign(service), Act::Silence, For::Ever);
        Ok(())
    };
    let end = async || {
        front.clear();
        Ok(())
    };
    away(service, &mut signer, begin, end).await
}

pub async fn absent(service: &dyn KeyService) -> Result<()> {
    let mut signer = ready(service, &[]).await?;
    let front = service.front();
    let begin = async || front.set_front(Front::Refusing).await;
    let end = async || front.set_front(Front::Serving).await;
    away(service, &mut signer, begin, end).await
}
