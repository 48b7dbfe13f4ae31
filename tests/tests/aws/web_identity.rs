//! The signer exchanges a Kubernetes token for a session of a role: if the token is missing, refused, expired and valid
//! again.

use std::fs;
use std::time::Duration;

use anyhow::Result;
use http::StatusCode;
use tests::docs::output::not_printed_by_preflight;
use tests::fake_server::For;
use tests::key_front::{Act, answer};
use tests::ministack::{ROLE, sts_answer};
use tests::node_client::random_vote;
use tests::process::Directory;
use tests::signer_process::{TOKEN, post};

use crate::sts::{SESSION_KEY, SESSION_SECRET, SESSION_TOKEN, refusal, session, short_session, token, variables};
use crate::support::{Place, Signer, is, is_sts, preflight};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_role_signs_with_the_session_that_sts_gives_for_the_token() -> Result<()> {
    let place = Place::new().await?;
    let directory = Directory::new()?;
    let file = directory.path().join("token");
    let token = token(3_600);
    fs::write(&file, format!("{token}\n"))?;
    place.front.on(is_sts, session(3_600), For::Ever);
    // The variable of the SDKs, and the file that all key services share.
    let own = variables(&place, &file);
    let shared = own.iter().cloned().map(|(name, value)| match name {
        "AWS_WEB_IDENTITY_TOKEN_FILE" => ("ATTO_SIGNER_IDENTITY_TOKEN_FILE", value),
        other => (other, value),
    });
    for variables in [own.clone(), shared.collect()] {
        let logins = place.front.count(is_sts);
        let signer = Signer::ready(&variables).await?;
        let vote = random_vote(&place.kms.public_key(&place.key)?);
        assert_eq!(
            post(signer.port(), vote.path, TOKEN, &vote.body)?.status,
            200,
            "{}",
            signer.log()
        );
        signer.keeps(&[SESSION_SECRET, SESSION_TOKEN, SESSION_KEY, &token]);
        assert_eq!(place.front.count(is_sts), logins + 1, "one login for a session");
        let (code, says) = preflight(&variables).await;
        assert!(
            code == Some(0) && says.contains(&format!("credentials ok: {ROLE}")),
            "{says}"
        );
        let differs = not_printed_by_preflight("docs/src/how-to/aws-kms.md", &says)?;
        assert!(differs.is_none(), "{differs:?}: {says}");
    }
    let asked = place.front.asked();
    let login = asked.iter().find(|asked| is_sts(asked)).unwrap();
    let body = String::from_utf8_lossy(&login.body);
    for part in [
        "RoleArn=arn%3Aaws%3Aiam%3A%3A000000000000%3Arole%2Fvoter",
        "RoleSessionName=atto-signer-voter-0",
        &format!("WebIdentityToken={token}"),
    ] {
        assert!(body.split('&').any(|found| found == part), "{part}: {body}");
    }
    assert!(
        login.header("authorization").is_empty(),
        "the token is all that STS wants"
    );
    let signs = asked.iter().filter(|asked| is("Sign")(asked));
    for sign in signs {
        assert_eq!(sign.header("x-amz-security-token"), SESSION_TOKEN);
        assert!(sign.header("authorization").contains(SESSION_KEY));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_token_that_is_absent_is_told_and_taken_when_it_is_there() -> Result<()> {
    let place = Place::new().await?;
    let directory = Directory::new()?;
    let file = directory.path().join("token");
    let variables = variables(&place, &file);
    let mut signer = Signer::start(&variables)?;
    let told = |signer: &Signer, part: &str| {
        let (code, message) = signer.backend()?;
        Ok(code == "CREDENTIALS"
            && message.starts_with("AWS_WEB_IDENTITY_TOKEN_FILE: found ")
            && message.contains(part))
    };
    signer.until("no file", |signer| told(signer, "No such file")).await;
    let (code, says) = preflight(&variables).await;
    let remedy = "a SignerBinding with key.aws.roleArn";
    assert!(code == Some(69) && says.contains(remedy), "{says}");
    for (text, part) in [
        ("5ec2e7 of something else".to_owned(), "no JWT"),
        (String::new(), "an empty file"),
    ] {
        fs::write(&file, &text)?;
        signer.until(part, |signer| told(signer, part)).await;
        assert!(!signer.api_is_open() && signer.is_alive()?);
    }
    assert_eq!(place.front.count(is_sts), 0, "STS is not asked with what is no token");
    fs::write(&file, token(3_600))?;
    signer.until_ready().await;
    signer.keeps(&["5ec2e7"]);
    Ok(())
}

/// The clock of this computer may be wrong: STS decides whether a token is valid, and KMS whether a session is.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_token_and_a_session_that_are_over_by_this_clock_are_shown_all_the_same() -> Result<()> {
    let place = Place::new().await?;
    let directory = Directory::new()?;
    let file = directory.path().join("token");
    fs::write(&file, token(-7_000))?;
    let variables = variables(&place, &file);
    let over = refusal(400, "ExpiredTokenException", "Token expired");
    place.front.on(is_sts, over, For::Ever);
    let mut signer = Signer::start(&variables)?;
    signer
        .until("what was seen is told", |signer| {
            let (code, message) = signer.backend()?;
            Ok(code == "CREDENTIALS"
                && message.contains("ExpiredTokenException")
                && message.contains("s ago by the clock of this host; check it: date -u"))
        })
        .await;
    place.front.clear();
    let end = jiff::Timestamp::now() - Duration::from_hours(1);
    let body = sts_answer(SESSION_KEY, SESSION_SECRET, SESSION_TOKEN, &format!("{end:.0}"));
    let session = answer(StatusCode::OK, &[("content-type", "text/xml")], body);
    place.front.on(is_sts, session, For::Ever);
    signer.until_ready().await;
    let vote = random_vote(&place.kms.public_key(&place.key)?);
    assert_eq!(post(signer.port(), vote.path, TOKEN, &vote.body)?.status, 200);
    let refused = r#"{"__type":"ExpiredTokenException","message":"over"}"#;
    let refused = answer(StatusCode::BAD_REQUEST, &[], refused);
    place.front.on(is("Sign"), refused, For::Ever);
    let (code, says) = preflight(&variables).await;
    assert!(
        code == Some(69)
            && says.contains("UNAUTHENTICATED: ExpiredTokenException")
            && says.contains("the credentials expired 36"),
        "{says}"
    );
    signer.keeps(&["5ec2e7"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_sts_refuses_is_told_with_who_can_change_it() -> Result<()> {
    let place = Place::new().await?;
    let directory = Directory::new()?;
    let file = directory.path().join("token");
    let token = token(3_600);
    fs::write(&file, &token)?;
    let variables = variables(&place, &file);
    let port = place.front.url().rsplit(':').next().unwrap().to_owned();
    let reach = format!("check that the pod reaches 127.0.0.1:{port}");
    for (act, told, remedy) in [
        (
            refusal(
                403,
                "AccessDenied",
                "Not authorized to perform sts:AssumeRoleWithWebIdentity",
            ),
            "AccessDenied: Not authorized",
            "aws iam get-role --role-name voter --query Role.AssumeRolePolicyDocument",
        ),
        (
            refusal(
                400,
                "InvalidIdentityToken",
                &format!("No OpenIDConnect provider found for {token}"),
            ),
            "InvalidIdentityToken: No OpenIDConnect provider found for [hidden]",
            "aws iam create-open-id-connect-provider",
        ),
        (
            refusal(400, "ExpiredTokenException", "Token expired"),
            "ExpiredTokenException: Token expired",
            "date -u",
        ),
        (
            refusal(400, "IDPCommunicationError", "not reached"),
            "IDPCommunicationError",
            "whose keys AWS must be able to reach",
        ),
        (
            refusal(403, "RegionDisabledException", "STS is not activated"),
            "RegionDisabledException",
            "activate STS in eu-central-1",
        ),
        (
            refusal(400, "ValidationError", "is invalid"),
            "ValidationError",
            "compare AWS_ROLE_ARN with aws iam get-role",
        ),
        (
            refusal(400, "Throttling", "Rate exceeded"),
            "Throttling: Rate exceeded",
            &*reach,
        ),
        (
            answer(StatusCode::BAD_GATEWAY, &[], "<html>".repeat(50_000)),
            "HTTP status 502 that is not from AWS: <html>",
            &*reach,
        ),
        (
            Act::Cut,
            "STS gives no session of arn:aws:iam::000000000000:role/voter: ",
            &*reach,
        ),
    ] {
        place.front.on(is_sts, act, For::Ever);
        let (code, says) = preflight(&variables).await;
        let last = says.lines().last().unwrap_or_default();
        assert!(code == Some(69) && last.starts_with("CREDENTIALS: "), "{told}: {says}");
        assert!(
            last.contains(told) && last.contains(remedy) && !says.contains(&token),
            "{told}: {says}"
        );
        place.front.clear();
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_silent_sts_keeps_the_start_waiting_and_costs_nothing_later() -> Result<()> {
    let place = Place::new().await?;
    let directory = Directory::new()?;
    let file = directory.path().join("token");
    fs::write(&file, token(3_600))?;
    place.front.on(is_sts, Act::Silence, For::Ever);
    let mut signer = Signer::start(&variables(&place, &file))?;
    signer
        .until("it is told", |signer| {
            Ok(signer.backend()?.1 == "no answer from STS to AssumeRoleWithWebIdentity within 10 s")
        })
        .await;
    assert!(!signer.api_is_open() && signer.is_alive()?);
    place.front.clear();
    // The signer requests another one after 20 s.
    place.front.on(is_sts, short_session(30), For::Ever);
    signer.until_ready().await;
    place.front.clear();
    place
        .front
        .on(is_sts, refusal(403, "AccessDenied", "Not any more"), For::Ever);
    let key = place.kms.public_key(&place.key)?;
    let port = signer.port();
    let ask = || {
        let vote = random_vote(&key);
        let answer = post(port, vote.path, TOKEN, &vote.body).unwrap();
        assert!([200, 429].contains(&answer.status), "{answer:?}");
        answer.status
    };
    signer
        .until("the renewal is refused, and the old session goes on", |signer| {
            assert_eq!(ask(), 200, "{:?}", signer.backend());
            Ok(signer.log().contains(
                "the credentials could not be renewed, and are still valid for a while: CREDENTIALS: STS gives",
            ))
        })
        .await;
    signer
        .until("the session is over", |signer| {
            ask();
            Ok(signer.backend()?.0 == "CREDENTIALS")
        })
        .await;
    assert_eq!(ask(), 429);
    assert!(signer.is_alive()?);
    place.front.clear();
    signer.until("it signs again", |_| Ok(ask() == 200)).await;
    signer.keeps(&[SESSION_SECRET, SESSION_TOKEN, "5ec2e7signature"]);
    Ok(())
}
