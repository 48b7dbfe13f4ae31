//! The requests of a client, from the API server's audit log.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::Value;

/// A request that the API server has answered (a watch: has begun to answer).
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    #[serde(rename = "auditID")]
    id: String,
    user: User,
    /// Such as `get`, `patch`, `watch`.
    pub verb: String,
    #[serde(rename = "requestURI")]
    pub uri: String,
    #[serde(default)]
    object_ref: Object,
    response_status: Option<Status>,
    /// The client's own name.
    #[serde(default)]
    pub user_agent: String,
    /// Arrival time, in RFC 3339 with six decimals, so that text order is time order.
    #[serde(rename = "requestReceivedTimestamp")]
    pub received: String,
    /// When it was answered.
    #[serde(rename = "stageTimestamp")]
    pub answered: String,
    /// The body, if the request had one and does not concern a Secret.
    pub request_object: Option<Value>,
}

#[derive(Clone, Debug, Deserialize)]
struct User {
    /// Empty if the API server ended before it had authenticated the request.
    #[serde(default)]
    username: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Object {
    resource: String,
    subresource: String,
    namespace: String,
    name: String,
}

#[derive(Clone, Debug, Deserialize)]
struct Status {
    code: u16,
}

impl Request {
    pub fn user(&self) -> &str {
        &self.user.username
    }

    /// Such as `deployments`, or `signerbindings/status`.
    pub fn resource(&self) -> String {
        let Object {
            resource, subresource, ..
        } = &self.object_ref;
        if subresource.is_empty() {
            resource.clone()
        } else {
            format!("{resource}/{subresource}")
        }
    }

    /// Empty for cluster-scoped objects.
    pub fn namespace(&self) -> &str {
        &self.object_ref.namespace
    }

    /// Empty for lists, watches and creations.
    pub fn name(&self) -> &str {
        &self.object_ref.name
    }

    pub fn code(&self) -> Option<u16> {
        self.response_status.as_ref().map(|status| status.code)
    }

    pub fn succeeded(&self) -> bool {
        self.code().is_some_and(|code| (200..300).contains(&code))
    }

    /// Whether it asked for a persistent change.
    pub fn is_write(&self) -> bool {
        let writes = ["create", "update", "patch", "delete", "deletecollection"].contains(&self.verb.as_str());
        writes && !self.uri.contains("dryRun=All")
    }
}

/// Every request in the log, in order and without duplicates (a watch is logged at its beginning and at its end).
pub(super) fn read(log: &Path) -> Result<Vec<Request>> {
    let text = fs::read_to_string(log).with_context(|| format!("cannot read the audit log {}", log.display()))?;
    // The last line may be incomplete.
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let mut requests: Vec<Request> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for line in whole.lines() {
        let request: Request = serde_json::from_str(line).context("the audit log has a line that is no audit event")?;
        if seen.insert(request.id.clone()) {
            requests.push(request);
        }
    }
    Ok(requests)
}
