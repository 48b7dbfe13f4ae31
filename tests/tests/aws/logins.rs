//! The signer logs in at STS once for the lifetime of a session, and again if KMS refuses the session.

use std::fs;

use anyhow::Result;
use tests::fake_server::{For, Front};
use tests::key_front::{Act, Asked, KeyFront};
use tests::node_client::{Load, random_vote};
use tests::process::Directory;
use tests::signer_process::{TOKEN, post};

use crate::sts::{SESSION_TOKEN, session, token, variables};
use crate::support::{PATIENCE, Place, Signer, Variables, error, is, is_sts};

/// KMS and STS, each behind a front, so that one can be unavailable alone.
struct Apart {
    place: Place,
    sts: KeyFront,
    variables: Variables,
    _directory: Directory,
}

impl Apart {
    async fn new() -> Result<Self> {
        let place = Place::new().await?;
        let sts = KeyFront::start(place.kms.address())?;
        let directory = Directory::new()?;
        let file = directory.path().join("token");
        fs::write(&file, token(3_600))?;
        let mut variables = variables(&place, &file);
        variables.push(("AWS_ENDPOINT_URL_STS", sts.url()));
        Ok(Self {
            place,
            sts,
            variables,
            _directory: directory,
        })
    }

    /// This many votes, requested until they are signed.
    fn votes(
        &self,
        signer: &Signer,
        count: u64,
    ) -> Result<tokio::task::JoinHandle<Result<tests::node_client::Report>>> {
        let (node, key) = (signer.node(), self.place.kms.public_key(&self.place.key)?);
        let load = Load {
            rate: 100,
            count: Some(count),
            duration: None,
            patience: PATIENCE,
        };
        Ok(tokio::spawn(async move { load.run(&node, &key).await }))
    }
}

fn is_old(asked: &Asked) -> bool {
    asked.header("x-amz-security-token") == SESSION_TOKEN
}

/// In an outage of KMS, the signer creates another client every few seconds.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_outage_of_kms_makes_no_login() -> Result<()> {
    let apart = Apart::new().await?;
    let mut signer = Signer::ready(&apart.variables).await?;
    let front = &apart.place.front;
    for act in [Act::Silence, Act::Cut] {
        let before = front.count(is("Sign"));
        front.on(is("Sign"), act, For::Ever);
        let votes = apart.votes(&signer, 1)?;
        // Each follows the previous one after 2 s or half a second.
        signer
            .until("it was tried for long", |_| Ok(front.count(is("Sign")) >= before + 10))
            .await;
        front.clear();
        let report = votes.await??;
        assert_eq!((report.signed, report.lost, report.invalid), (1, 0, 0), "{report:?}");
    }
    for away in [Front::Silent, Front::Refusing] {
        front.set_front(away).await?;
        let votes = apart.votes(&signer, 20)?;
        signer.until("DOWN", |signer| Ok(!signer.backend()?.0.is_empty())).await;
        front.set_front(Front::Serving).await?;
        let report = votes.await??;
        assert_eq!((report.signed, report.lost, report.invalid), (20, 0, 0), "{report:?}");
    }
    assert_eq!(apart.sts.count(is_sts), 1);
    Ok(())
}

/// AWS ends a session early, or does not know it. An invalid signature usually means a wrong clock, which the SDK
/// corrects after the first refusal.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_session_that_kms_takes_no_more_is_replaced_by_one_login() -> Result<()> {
    for code in [
        "ExpiredTokenException",
        "UnrecognizedClientException",
        "InvalidSignatureException",
    ] {
        let apart = Apart::new().await?;
        apart.sts.on(is_sts, session(3_600), For::Calls(1));
        let mut signer = Signer::ready(&apart.variables).await?;
        apart.place.front.on(is_old, error(400, code), For::Ever);
        let key = apart.place.kms.public_key(&apart.place.key)?;
        let port = signer.port();
        signer
            .until("another session signs", |_| {
                let vote = random_vote(&key);
                let answer = post(port, vote.path, TOKEN, &vote.body)?;
                assert!([200, 429].contains(&answer.status), "{answer:?}");
                Ok(answer.status == 200)
            })
            .await;
        assert_eq!(apart.sts.count(is_sts), 2, "{code}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_kms_that_takes_no_session_makes_few_logins() -> Result<()> {
    let apart = Apart::new().await?;
    let mut signer = Signer::ready(&apart.variables).await?;
    let front = &apart.place.front;
    front.on(is("Sign"), error(400, "ExpiredTokenException"), For::Ever);
    let votes = apart.votes(&signer, 20)?;
    signer
        .until("several logins", |_| Ok(apart.sts.count(is_sts) >= 4))
        .await;
    let (logins, refusals) = (apart.sts.count(is_sts), front.count(is("Sign")));
    assert!(logins * 5 <= refusals, "{logins} logins for {refusals} refusals");
    front.clear();
    let report = votes.await??;
    assert_eq!((report.signed, report.lost, report.invalid), (20, 0, 0), "{report:?}");
    Ok(())
}
