//! For every error of KMS at each call, the signer returns no 5xx, reports the right cause and remedy, and signs
//! afterwards.

use anyhow::Result;
use futures::{StreamExt, stream};
use http::StatusCode;
use tests::fake_server::For;
use tests::key_front::{Act, KeyFront, answer};
use tests::ministack::Ministack;
use tests::node_client::random_vote;
use tests::signer_process::{TOKEN, post};

use crate::support::{ACCESS_KEY, SECRET, Signer, error, is, preflight, with_keys};

/// An answer, its cause, and a part of the remedy.
struct Case {
    what: &'static str,
    act: Act,
    cause: &'static str,
    remedy: &'static str,
}

const WAIT: &str = "health.aws.amazon.com";

/// Errors with a type.
fn of_aws() -> impl Iterator<Item = Case> {
    let wait = WAIT;
    let codes = [
        // Errors of `Sign`.
        (500, "DependencyTimeoutException", "DEADLINE_EXCEEDED", wait),
        (400, "DisabledException", "FAILED_PRECONDITION", "aws kms enable-key"),
        (400, "DryRunOperationException", "CHECK", "check for a proxy"),
        (
            400,
            "InvalidGrantTokenException",
            "INVALID_ARGUMENT",
            "aws kms describe-key",
        ),
        (
            400,
            "InvalidKeyUsageException",
            "FAILED_PRECONDITION",
            "aws kms create-key",
        ),
        (500, "KeyUnavailableException", "UNAVAILABLE", wait),
        (500, "KMSInternalException", "INTERNAL", wait),
        (
            400,
            "KMSInvalidStateException",
            "FAILED_PRECONDITION",
            "cancel-key-deletion",
        ),
        (400, "NotFoundException", "NOT_FOUND", "aws kms list-keys"),
        // Further errors of `GetPublicKey`.
        (400, "InvalidArnException", "INVALID_ARGUMENT", "ATTO_SIGNER_KEY"),
        (
            400,
            "UnsupportedOperationException",
            "FAILED_PRECONDITION",
            "ECC_NIST_EDWARDS25519",
        ),
        // Errors of every service.
        (
            400,
            "AccessDeniedException",
            "PERMISSION_DENIED",
            "aws iam put-role-policy",
        ),
        (400, "ExpiredTokenException", "UNAUTHENTICATED", "date -u"),
        (
            400,
            "UnrecognizedClientException",
            "UNAUTHENTICATED",
            "aws iam list-access-keys",
        ),
        (400, "InvalidSignatureException", "UNAUTHENTICATED", "date -u"),
        (403, "SignatureDoesNotMatch", "UNAUTHENTICATED", "date -u"),
        (400, "IncompleteSignature", "UNAUTHENTICATED", "date -u"),
        (400, "RequestExpired", "UNAUTHENTICATED", "date -u"),
        (
            403,
            "MissingAuthenticationTokenException",
            "UNAUTHENTICATED",
            "AWS_ACCESS_KEY_ID",
        ),
        (400, "ThrottlingException", "RESOURCE_EXHAUSTED", "service-quotas"),
        (400, "LimitExceededException", "RESOURCE_EXHAUSTED", "service-quotas"),
        (400, "ValidationException", "INVALID_ARGUMENT", "ATTO_SIGNER_KEY"),
        (503, "ServiceUnavailable", "UNAVAILABLE", wait),
        (500, "InternalFailure", "INTERNAL", wait),
        (
            400,
            "com.amazonaws.kms#NotFoundException",
            "NOT_FOUND",
            "aws kms list-keys",
        ),
        (400, "SomethingNewException", "OTHER", "see the log lines before"),
    ];
    codes.into_iter().map(|(status, what, cause, remedy)| Case {
        what,
        act: error(status, what),
        cause,
        remedy,
    })
}

/// Answers that are not from AWS, and missing answers.
fn others() -> impl Iterator<Item = Case> {
    let wait = WAIT;
    let page = |status: u16| {
        let body = format!("<html>\n<b>{SECRET}</b>{}", "x".repeat(200_000));
        answer(
            StatusCode::from_u16(status).unwrap(),
            &[("content-type", "text/html")],
            body,
        )
    };
    let others = [
        ("a page with 200", page(200), "CHECK", "check for a proxy"),
        (
            "a page with 403",
            page(403),
            "PERMISSION_DENIED",
            "aws kms get-key-policy",
        ),
        ("a page with 407", page(407), "OTHER", "see the log lines before"),
        ("a page with 502", page(502), "UNAVAILABLE", wait),
        ("a redirection", page(302), "OTHER", "see the log lines before"),
        ("cut", Act::Cut, "IO", "check that the pod reaches 127.0.0.1:"),
        ("lost", Act::Lose, "IO", "check that the pod reaches 127.0.0.1:"),
    ];
    others.into_iter().map(|(what, act, cause, remedy)| Case {
        what,
        act,
        cause,
        remedy,
    })
}

async fn met(case: &Case, kms: &Ministack, key: &str) -> Result<()> {
    let Case {
        what,
        act,
        cause,
        remedy,
    } = case;
    let front = KeyFront::start(kms.address())?;
    let variables = with_keys(key, &front.url());
    let public_key = kms.public_key(key)?;
    for call in ["GetPublicKey", "Sign"] {
        front.on(is(call), act.clone(), For::Ever);
        let (code, says) = preflight(&variables).await;
        let expected = if ["PERMISSION_DENIED", "NOT_FOUND"].contains(cause) {
            77
        } else {
            69
        };
        let told = says.lines().last().unwrap_or_default();
        assert_eq!(code, Some(expected), "{what} at {call}: {says}");
        assert!(
            told.starts_with(&format!("{cause}: ")) && told.contains(remedy),
            "{what} at {call}: {told}"
        );
        front.clear();
    }
    front.on(is("GetPublicKey"), act.clone(), For::Ever);
    let mut signer = Signer::start(&variables)?;
    signer
        .until(&format!("{what} at the public key"), |signer| {
            Ok(signer.backend()?.0 == *cause)
        })
        .await;
    assert!(
        !signer.api_is_open() && !signer.is_ready()? && signer.is_alive()?,
        "{what}"
    );
    front.on(is("Sign"), act.clone(), For::Ever);
    front.on(is("GetPublicKey"), Act::Pass, For::Ever);
    let asked = front.count(is("Sign"));
    signer
        .until(&format!("{what} at the first signature"), |signer| {
            Ok(front.count(is("Sign")) > asked + 1 && signer.backend()?.0 == *cause)
        })
        .await;
    assert!(!signer.api_is_open() && signer.is_alive()?, "{what}");
    front.clear();
    signer.until_ready().await;

    front.on(is("Sign"), act.clone(), For::Ever);
    let vote = random_vote(&public_key);
    let port = signer.port();
    let ask = || {
        let answer = post(port, vote.path, TOKEN, &vote.body).unwrap();
        assert!([200, 429].contains(&answer.status), "{what}: {answer:?}");
        answer
    };
    assert_eq!(ask().status, 429, "{what}");
    let line = format!("code=\"{cause}\"");
    signer
        .until(&format!("{what} at a later call is counted"), |signer| {
            let metrics = signer.management("/prometheus")?.body;
            Ok(metrics
                .lines()
                .any(|found| found.contains("atto_signer_backend") && found.contains(&line) && !found.ends_with(" 0")))
        })
        .await;
    front.clear();
    // Like the node, which retries only after a 429.
    signer
        .until(&format!("{what}: signed"), |_| Ok(ask().status == 200))
        .await;
    signer.keeps(&[SECRET, ACCESS_KEY]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_error_of_kms_is_a_5xx_at_any_call_and_each_has_its_cause_and_remedy() -> Result<()> {
    let kms = Ministack::start().await?;
    let key = kms.create_key()?;
    stream::iter(of_aws().chain(others()))
        .for_each_concurrent(8, async |case| {
            let result = met(&case, &kms, &key).await;
            result.unwrap_or_else(|error| panic!("{}: {error:#}", case.what));
        })
        .await;
    Ok(())
}
