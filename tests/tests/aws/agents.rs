//! Credentials from an agent: EKS Pod Identity, and the metadata service of the computer.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use futures::FutureExt;
use http::{Request, Response};
use http_body_util::Full;
use serde_json::json;
use tests::fake_server::{FakeServer, Front, Reply};
use tests::process::Directory;

use crate::support::{Place, Signer, is, preflight, without_credentials};

const SECRET: &str = "5ec2e7oftheagent";
const SESSION: &str = "5ec2e7sessionoftheagent";
const AGENT_TOKEN: &str = "5ec2e7.token.fortheagent";

fn credentials() -> String {
    let end = jiff::Timestamp::now() + Duration::from_hours(1);
    json!({
        "Code": "Success",
        "LastUpdated": "2026-01-01T00:00:00Z",
        "Type": "AWS-HMAC",
        "AccessKeyId": "ASIA5EC2E7AGENT",
        "SecretAccessKey": SECRET,
        "Token": SESSION,
        "AccountId": "000000000000",
        "Expiration": format!("{end:.0}"),
    })
    .to_string()
}

fn reply(status: u16, headers: &[(&str, &str)], body: String) -> Reply {
    let mut builder = Response::builder().status(status);
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    Reply::Answer(builder.body(Full::new(Bytes::from(body))).unwrap())
}

fn server(answer: impl Fn(&Request<Bytes>) -> Reply + Send + Sync + 'static) -> Result<FakeServer> {
    let answer = Arc::new(answer);
    FakeServer::start(
        Front::Serving,
        Arc::new(move |request| {
            let answer = Arc::clone(&answer);
            async move { answer(&request) }.boxed()
        }),
    )
}

/// The contract: a GET with the token of a file in `Authorization`.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_agent_of_eks_pod_identity_gives_credentials_for_its_token() -> Result<()> {
    let place = Place::new().await?;
    let directory = Directory::new()?;
    let file = directory.path().join("agent-token");
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let agent = server(move |request| {
        counted.fetch_add(1, Ordering::SeqCst);
        let has_token = request
            .headers()
            .get("authorization")
            .is_some_and(|token| token == AGENT_TOKEN);
        if request.method() == "GET" && request.uri().path() == "/v1/credentials" && has_token {
            reply(200, &[("content-type", "application/json")], credentials())
        } else {
            reply(400, &[], "not for you".to_owned())
        }
    })?;
    let mut variables = without_credentials(&place.key, &place.front.url());
    variables.extend([
        (
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            format!("http://{}/v1/credentials", agent.host()),
        ),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", file.display().to_string()),
        // No program listens there: requests to this computer bypass every proxy.
        ("HTTP_PROXY", "http://127.0.0.1:1".to_owned()),
        ("HTTPS_PROXY", "http://127.0.0.1:1".to_owned()),
    ]);
    let mut signer = Signer::start(&variables)?;
    signer
        .until("the file is missing", |signer| {
            let (code, message) = signer.backend()?;
            Ok(code == "CREDENTIALS"
                && message.starts_with("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: found nothing readable"))
        })
        .await;
    let (code, says) = preflight(&variables).await;
    assert!(
        code == Some(69) && says.contains("aws eks list-pod-identity-associations"),
        "{says}"
    );
    fs::write(&file, "of somebody else")?;
    signer
        .until("the agent refuses", |signer| Ok(signer.backend()?.1.contains("400")))
        .await;
    fs::write(&file, AGENT_TOKEN)?;
    signer.until_ready().await;
    let signs = place.front.asked();
    assert!(
        signs
            .iter()
            .filter(|asked| is("Sign")(asked))
            .all(|asked| asked.header("x-amz-security-token") == SESSION)
    );
    signer.keeps(&["5ec2e7", "ASIA5EC2E7AGENT"]);
    let asked = asked.load(Ordering::SeqCst);
    let (code, says) = preflight(&variables).await;
    assert!(
        code == Some(0) && says.contains("credentials ok: the role that the agent"),
        "{asked}: {says}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_metadata_of_the_machine_gives_credentials_of_its_role() -> Result<()> {
    const ROLES: &str = "/latest/meta-data/iam/security-credentials/";
    let place = Place::new().await?;
    let metadata = server(|request| {
        let has_token = request
            .headers()
            .get("x-aws-ec2-metadata-token")
            .is_some_and(|token| token == "5ec2e7imds");
        match (request.method().as_str(), request.uri().path()) {
            ("PUT", "/latest/api/token") => {
                let ttl = [("x-aws-ec2-metadata-token-ttl-seconds", "21600")];
                reply(200, &ttl, "5ec2e7imds".to_owned())
            }
            ("GET", ROLES) if has_token => reply(200, &[], "node-role".to_owned()),
            ("GET", path) if has_token && path == format!("{ROLES}node-role") => reply(200, &[], credentials()),
            _ => reply(404, &[], String::new()),
        }
    })?;
    let mut variables = without_credentials(&place.key, &place.front.url());
    variables.extend([
        (
            "AWS_EC2_METADATA_SERVICE_ENDPOINT",
            format!("http://{}", metadata.host()),
        ),
        ("AWS_EC2_METADATA_DISABLED", "false".to_owned()),
    ]);
    let signer = Signer::ready(&variables).await?;
    signer.keeps(&["5ec2e7"]);
    let (code, says) = preflight(&variables).await;
    assert!(
        code == Some(0) && says.contains("credentials ok: the role of this instance"),
        "{says}"
    );
    metadata.set_front(Front::Refusing).await?;
    let (code, says) = preflight(&variables).await;
    assert!(
        code == Some(69) && says.contains("CREDENTIALS: ") && says.contains("key.aws.roleArn"),
        "{says}"
    );
    Ok(())
}
