//! The credentials that the service requires.

use anyhow::{Result, ensure};
use tests::key_services::{KeyService, ready, start};
use tests::waiting_signer::votes;

pub async fn missing_at_the_start(service: &dyn KeyService) -> Result<()> {
    service.refuse_logins(true);
    let mut signer = start(service, &[])?;
    signer.says("the key cannot be used yet").await?;
    ensure!(!signer.api_is_open(), "{}", signer.log());
    service.refuse_logins(false);
    signer.until_ready().await?;
    signer.signs_all(votes(5), &service.key()).await?;
    Ok(())
}

pub async fn one_login(service: &dyn KeyService) -> Result<()> {
    let signer = ready(service, &[("ATTO_SIGNER_LOG", "debug")]).await?;
    signer.signs_all(votes(200), &service.key()).await?;
    ensure!(service.logins() == 1, "{} logins", service.logins());
    let told = [
        signer.log(),
        signer.management("/health")?.body,
        signer.management("/metrics")?.body,
    ];
    for secret in service.secrets() {
        ensure!(told.iter().all(|told| !told.contains(&secret)), "a secret is told");
    }
    Ok(())
}
