//! A missing permission of the login is reported with the command that grants it, and causes no series of logins.

use anyhow::{Result, ensure};
use tests::openbao::voter_policy;

use super::support::{Signer, Voter, is_sign};

/// OpenBao refuses an empty policy.
const NOTHING: &str = "path \"nothing\" { capabilities = [\"deny\"] }";

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_permission_that_is_missing_ends_the_start_with_what_grants_it() -> Result<()> {
    let Voter {
        bao,
        settings,
        front: _front,
        ..
    } = Voter::new().await?;
    let policy = voter_policy("voter");
    let [read, sign] = policy.lines().collect::<Vec<_>>()[..] else {
        panic!("{policy}")
    };
    for (name, policy) in [("only-sign", sign), ("only-read", read), ("nothing", NOTHING)] {
        bao.write_policy(name, policy)?;
        let file = bao.token_file(name, name, &["-ttl=1h"])?;
        let text = settings.clone().token(&file).ends_with(77)?;
        for part in [
            "PERMISSION_DENIED",
            &format!("asked as token with the policies default, {name}"),
            "transit/keys/voter (read) and transit/sign/voter (update)",
            "bao policy write",
        ] {
            ensure!(text.contains(part), "{name}: {part}: {text}");
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_permission_that_goes_is_told_and_logs_nobody_in() -> Result<()> {
    let Voter {
        bao,
        front,
        key,
        settings,
    } = Voter::new().await?;
    let mut signer = Signer::ready(&settings).await?;
    bao.write_policy("voter", NOTHING)?;
    signer.fails_with("PERMISSION_DENIED", Some(&key)).await?;
    signer
        .until("many calls were denied", |signer| {
            signer.vote(&key)?;
            let asked = front.count(is_sign);
            ensure!(asked >= 20, "{asked}");
            Ok(())
        })
        .await?;
    // Each login reads the token in the file and looks it up. After denials, the token is looked up once, not for each
    // denial.
    let log = signer.log();
    assert_eq!(log.matches("asking http").count(), 1, "{log}");
    bao.allow_voter("voter")?;
    signer.signs(&key).await
}
