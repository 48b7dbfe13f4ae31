//! A key in OpenBao that the signer can use and the node's container cannot.

use anyhow::{Context, Result, ensure};
use data_encoding::{BASE64URL_NOPAD, HEXUPPER_PERMISSIVE};
use ed25519_dalek::VerifyingKey;
use serde_json::{Value, json};

use super::super::Suite;
use super::super::cluster::{Cluster, NAMESPACE, PATIENCE};
use super::super::openbao::{self, AUTHORITY, OpenBao};
use super::{becomes, change, rolled, typed};
use crate::eventually;
use crate::openbao::version_of;

const ROLE: &str = "atto-voter";
/// The mistake that the page warns about: a role without an audience.
const CARELESS_ROLE: &str = "without-audience";
/// The signer's token, which no other container has.
const TOKEN: &str = "/var/run/secrets/signer.atto.cash/identity/token";
/// The token that Kubernetes mounts into every container.
const DEFAULT_TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";

pub async fn all(suite: &Suite) -> Result<()> {
    let seen = with_openbao(suite).await;
    // Also after an error, because a part of it is outside of the deleted namespaces.
    seen.and(openbao::end(&suite.cluster).await)
}

async fn with_openbao(suite: &Suite) -> Result<()> {
    let cluster = &suite.cluster;
    let first = becomes(suite, "an address", |now| !now.is_empty()).await?;
    let bao = OpenBao::start(cluster).await?;
    let pod = signs(suite, &bao).await?;
    nothing_in_the_nodes_container(suite, &bao, &pod).await?;

    let reports = cluster.reported().await?;
    let mut spec = suite.binding()["spec"].take();
    spec["key"]["vault"] = Value::Null;
    spec["tokenSecretRef"]["name"] = json!("token-2");
    change(suite, &json!({"spec": spec})).await?;
    cluster.next_report(reports).await?;
    becomes(suite, "the first address", |now| now == first).await?;
    cluster.condition("Ready", "True", "Ready").await?;
    suite.ready_pod().await.map(drop)
}

/// The binding first, then the commands that `IdentityReady` prints. Returns the pod.
async fn signs(suite: &Suite, bao: &OpenBao<'_>) -> Result<Value> {
    let cluster = &suite.cluster;
    bao.bao(&["secrets", "enable", "transit"]).await?;
    bao.bao(&["auth", "enable", "kubernetes"]).await?;
    // The page uses a host name, which may not resolve here.
    let address = ["--namespace=default", "--output=jsonpath={.spec.clusterIP}"];
    let get = ["get", "service", "kubernetes"];
    let address = cluster.kubectl(&[&get[..], &address].concat()).await?;
    let host = format!("kubernetes_host=https://{address}");
    bao.bao(&["write", "auth/kubernetes/config", &host]).await?;

    let (sets, reports) = (cluster.replica_sets().await?, cluster.reported().await?);
    let key = json!({
        "address": bao.url(), "key": "voter", "version": 1,
        "auth": {"kubernetes": {"role": ROLE}},
        "caConfigMapRef": {"name": AUTHORITY, "key": "ca.crt"},
    });
    let spec = json!({"key": {"gcp": null, "vault": key}, "workloadIdentity": null, "signer": {"image": null}});
    change(suite, &json!({"spec": spec})).await?;
    let told = cluster.condition("IdentityReady", "Unknown", "ProjectedToken").await?;
    // The commands before these are needed once for the cluster, and were run above.
    let (_, commands) = told
        .split_once("To let this ServiceAccount use the key:\n")
        .with_context(|| told.clone())?;
    let commands = commands.replace("The key is created by: ", "");
    // A remark for servers outside of the cluster may follow.
    let (commands, _) = commands.split_once(" A server ").unwrap_or((commands.as_str(), ""));
    typed(suite, "IdentityReady", &(OpenBao::as_a_function() + commands)).await?;
    let pod = rolled(suite, sets, reports).await?;
    cluster.condition("Signing", "True", "Signing").await?;

    let kept = bao.bao(&["read", "-format=json", "transit/keys/voter"]).await?;
    let kept = version_of(&serde_json::from_str(&kept)?, 1)?;
    let told = in_node(
        cluster,
        &pod,
        "curl --silent \"$ATTO_SIGNER_REMOTE_URL/public-keys\"",
        "",
    )
    .await?;
    let told: Value = serde_json::from_str(&told)?;
    let told = HEXUPPER_PERMISSIVE.decode(told["publicKey"].as_str().unwrap_or_default().as_bytes())?;
    let told = VerifyingKey::from_bytes(told.as_slice().try_into()?)?;
    ensure!(told == kept, "the signer's key is {told:?}, OpenBao has {kept:?}");
    // The node verifies each with the key that the signer returned.
    suite.signs(&pod, 20).await?;
    suite.holds("a key in OpenBao, created and granted with the commands of IdentityReady: one rollout, no vote lost, and the votes verify with it");
    Ok(pod)
}

async fn nothing_in_the_nodes_container(suite: &Suite, bao: &OpenBao<'_>, pod: &Value) -> Result<()> {
    let (cluster, audience) = (&suite.cluster, bao.url());
    in_node(cluster, pod, &format!("test ! -e {TOKEN}"), "").await?;
    let tokens = tokens(cluster, pod).await?;
    ensure!(
        !tokens.is_empty(),
        "the search found no token, expected the one of every container"
    );
    for (place, audiences) in &tokens {
        ensure!(
            !audiences.contains(&audience),
            "the node's container has {place}, a token for {audience}"
        );
    }

    // All from the node's container, to the same server with the same command. Only the token differs.
    let of_node = in_node(cluster, pod, &format!("cat {DEFAULT_TOKEN}"), "").await?;
    let admin = cluster.admin();
    let of_signer = admin.token(NAMESPACE, "voter", vec![audience.clone()], 600).await?;
    let careless = format!("auth/kubernetes/role/{CARELESS_ROLE}");
    bao.bao(&[
        "write",
        &careless,
        "bound_service_account_names=voter",
        &format!("bound_service_account_namespaces={NAMESPACE}"),
    ])
    .await?;
    let (status, said) = login(cluster, pod, &audience, ROLE, &of_node).await?;
    ensure!(
        status == "403" && said.contains("invalid audience"),
        "the token of every container was answered {status}, {said}"
    );
    let (status, _) = login(cluster, pod, &audience, CARELESS_ROLE, &of_node).await?;
    ensure!(status == "200", "a role without an audience answered {status}");
    let (status, said) = login(cluster, pod, &audience, ROLE, &of_signer).await?;
    ensure!(status == "200", "a token for {audience} was answered {status}, {said}");
    let status = asks_for_a_token(cluster, pod, &audience).await?;
    ensure!(
        status == "403",
        "the node's container asked the API server for another token and was answered {status}"
    );
    preflight(cluster, pod).await?;
    suite.holds("the node's container cannot use the key: it has no such token, its own token is refused because of its audience, and it may request no other; the signer's token is accepted");
    Ok(())
}

/// Runs a shell in the node's container, which must succeed.
async fn in_node(cluster: &Cluster, pod: &Value, script: &str, input: &str) -> Result<String> {
    let name = pod["metadata"]["name"].as_str().unwrap_or_default();
    let done = cluster.exec(name, "node", &["sh", "-c", script], input).await?;
    ensure!(done.succeeded, "`{script}` in the node's container: {}", done.stderr);
    Ok(done.stdout)
}

/// Kubernetes tokens of the node's container, in files and in its environment, with their audiences.
async fn tokens(cluster: &Cluster, pod: &Value) -> Result<Vec<(String, Vec<String>)>> {
    const JWT: &str = "eyJ[A-Za-z0-9_-]+\\.[A-Za-z0-9_-]+\\.[A-Za-z0-9_-]+";
    // Only files that its user can read matter.
    let files =
        format!("export -p | grep -oE '{JWT}'; grep -rIsoE --exclude-dir=proc --exclude-dir=sys '{JWT}' /; true");
    let found = in_node(cluster, pod, &files, "").await?;
    let read = |line: &str| {
        let (place, token) = line.rsplit_once(':').unwrap_or(("its environment", line));
        let claims = token.split('.').nth(1).unwrap_or_default();
        let claims = BASE64URL_NOPAD.decode(claims.as_bytes()).ok()?;
        let claims: Value = serde_json::from_slice(&claims).ok()?;
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let audiences = match &claims["aud"] {
            Value::Array(several) => several.iter().filter_map(text).collect(),
            one => text(one).into_iter().collect(),
        };
        Some((place.to_owned(), audiences))
    };
    Ok(found.lines().filter_map(read).collect())
}

/// The status of a login from the node's container, with the server's message about a refusal.
async fn login(cluster: &Cluster, pod: &Value, url: &str, role: &str, token: &str) -> Result<(String, String)> {
    let body = json!({"role": role, "jwt": token.trim()}).to_string();
    let script =
        format!("curl --silent --insecure --write-out '\\n%{{http_code}}' --json @- {url}/v1/auth/kubernetes/login");
    let answer = in_node(cluster, pod, &script, &body).await?;
    let (said, status) = answer.rsplit_once('\n').unwrap_or_default();
    let said: Value = serde_json::from_str(said)?;
    Ok((status.to_owned(), said["errors"].to_string()))
}

/// The status of a request for a token like the signer's, authenticated with the default token.
async fn asks_for_a_token(cluster: &Cluster, pod: &Value, audience: &str) -> Result<String> {
    let request = json!({
        "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"audiences": [audience]},
    });
    let script = format!(
        "curl --silent --insecure --output /dev/null --write-out '%{{http_code}}' --json @- \
         --header \"Authorization: Bearer $(cat {DEFAULT_TOKEN})\" \
         \"https://$KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT/api/v1/namespaces/{NAMESPACE}/serviceaccounts/voter/token\""
    );
    in_node(cluster, pod, &script, &request.to_string()).await
}

/// The signer's container logs in with its token.
async fn preflight(cluster: &Cluster, pod: &Value) -> Result<()> {
    let name = pod["metadata"]["name"].as_str().unwrap_or_default();
    // Its own limits are a few seconds, which is little on a busy computer.
    eventually(PATIENCE, "a preflight that succeeds", async || {
        let done = cluster.exec(name, "signer", &["/signer", "preflight"], "").await?;
        ensure!(done.succeeded, "preflight: {}{}", done.stdout, done.stderr);
        Ok(())
    })
    .await
}
