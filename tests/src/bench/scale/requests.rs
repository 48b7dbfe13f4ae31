//! The operator's requests, counted by verb and resource.

use std::collections::BTreeMap;

use anyhow::Result;

use crate::control_plane::Request;
use crate::{ControlPlane, chart};

/// Requests by verb and resource.
pub type Counts = BTreeMap<(String, String), usize>;

/// All requests of the operator after the first `from` logged requests of all clients.
pub fn since(plane: &ControlPlane, from: usize) -> Result<Vec<Request>> {
    let requests = plane.requests()?.into_iter().skip(from);
    Ok(requests.filter(|request| request.user() == chart::OPERATOR).collect())
}

pub fn count(requests: &[Request]) -> Counts {
    let mut counts = Counts::new();
    for request in requests {
        *counts.entry((request.verb.clone(), request.resource())).or_default() += 1;
    }
    counts
}

/// Excludes the operator's Lease and watches.
pub fn about_bindings(request: &Request) -> bool {
    request.verb != "watch" && !request.namespace().is_empty() && request.resource() != "leases"
}
