//! The node's three variables, compared by value.

use anyhow::Result;
use serde_json::{Value, json};

use super::guarded::row::{Row, Step, container, push_variable, run, variable};
use super::guarded::{documented, documented_with, plain, whole};
use super::steps::{BACKEND, TOKEN, URL, node, set_env};

#[tokio::test]
async fn values_of_the_nodes_variables_are_guarded() -> Result<()> {
    let wrong_url = || documented_with(URL, Some(json!({"name": URL, "value": "http://signer.example:9090"})));
    let local = || documented_with(BACKEND, Some(json!({"name": BACKEND, "value": "LOCAL"})));
    let helper =
        || Step::Edit(|live| container(live, "containers", "exporter")["env"] = Value::Array(whole::variables()));
    run(vec![
        Row::refused(
            "set env -c node ATTO_SIGNER_BACKEND=LOCAL",
            plain,
            set_env("ATTO_SIGNER_BACKEND=LOCAL"),
            "container node: ATTO_SIGNER_BACKEND is not REMOTE",
        ),
        Row::refused(
            "apply of the documented manifest with ATTO_SIGNER_BACKEND LOCAL",
            documented,
            Step::Apply(local),
            "container node: ATTO_SIGNER_BACKEND is not REMOTE",
        ),
        Row::refused(
            "the same by server-side apply with --force-conflicts",
            documented,
            Step::ApplyServerSide(local),
            "container node: ATTO_SIGNER_BACKEND is not REMOTE",
        ),
        Row::refused(
            "set env -c node ATTO_SIGNER_REMOTE_URL of another host",
            plain,
            set_env("ATTO_SIGNER_REMOTE_URL=http://signer.example:9090"),
            "container node: ATTO_SIGNER_REMOTE_URL is not http://localhost:<port>",
        ),
        Row::refused(
            "apply of the documented manifest with another ATTO_SIGNER_REMOTE_URL",
            documented,
            Step::Apply(wrong_url),
            "container node: ATTO_SIGNER_REMOTE_URL is not http://localhost:<port>",
        ),
        Row::refused(
            "a URL that begins with http://localhost: and is another host's",
            plain,
            set_env("ATTO_SIGNER_REMOTE_URL=http://localhost:9090@signer.example"),
            "container node: ATTO_SIGNER_REMOTE_URL is not http://localhost:<port>",
        ),
        Row::refused(
            "a second entry of the same name, which wins",
            plain,
            Step::Edit(|live| push_variable(node(live), json!({"name": BACKEND, "value": "LOCAL"}))),
            "container node: ATTO_SIGNER_BACKEND is not REMOTE",
        ),
        Row::refused(
            "set env -c node ATTO_SIGNER_REMOTE_TOKEN as a plain value",
            plain,
            Step::Edit(|live| *variable(live, TOKEN) = json!({"name": TOKEN, "value": "plain-secret"})),
            "container node: ATTO_SIGNER_REMOTE_TOKEN does not come from a Secret",
        ),
        Row::refused(
            "ATTO_SIGNER_BACKEND from a ConfigMap",
            plain,
            Step::Edit(|live| {
                let source = json!({"configMapKeyRef": {"name": "a", "key": "b"}});
                *variable(live, BACKEND) = json!({"name": BACKEND, "valueFrom": source});
            }),
            "container node: ATTO_SIGNER_BACKEND is not REMOTE",
        ),
        Row::refused(
            "the three variables replaced by envFrom",
            documented,
            Step::Edit(|live| {
                node(live)["env"] = json!([]);
                node(live)["envFrom"] = json!([{"configMapRef": {"name": "voter"}}]);
            }),
            "ATTO_SIGNER_BACKEND is missing, ATTO_SIGNER_REMOTE_URL is missing",
        ),
        Row::refused(
            "the variables copied to a helper, then dropped from the node",
            plain,
            Step::Edit(|live| node(live)["env"] = json!([])),
            "container node: ATTO_SIGNER_BACKEND is missing",
        )
        .after([helper(), Step::Settle]),
        Row::refused(
            "the same, and the node's container renamed",
            plain,
            Step::Edit(|live| *node(live) = json!({"name": "voter", "image": "registry.example/node:1"})),
            "it drops container node with its ATTO_SIGNER_* variables",
        )
        .after([helper(), Step::Settle]),
    ])
    .await
}
