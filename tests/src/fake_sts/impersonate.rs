//! Lets a subject impersonate a service account.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{Request, header};
use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

use super::{ACCOUNT, Answered, Shared};
use crate::process::random_suffix;

/// The account in a path.
pub fn account(path: &str) -> Option<&str> {
    path.strip_prefix("/v1/projects/-/serviceAccounts/")?
        .strip_suffix(":generateAccessToken")
}

pub fn impersonate(sts: &Shared, account: &str, request: &Request<Bytes>) -> Answered {
    let asked: Value = serde_json::from_slice(request.body()).unwrap_or_default();
    let bearer = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    if !bearer.is_some_and(|bearer| sts.knows(bearer, false)) {
        return refuse(
            401,
            "UNAUTHENTICATED",
            "Request had invalid authentication credentials.",
        );
    }
    if asked["scope"].as_array().is_none_or(Vec::is_empty) {
        return refuse(400, "INVALID_ARGUMENT", "Scope required.");
    }
    let mut state = sts.state();
    if account != ACCOUNT || !state.may_impersonate {
        drop(state);
        let why = "Permission 'iam.serviceAccounts.getAccessToken' denied on resource (or it may not exist).";
        return refuse(403, "PERMISSION_DENIED", why);
    }
    let given = format!("impersonated-{}", random_suffix());
    state.impersonated.push(given.clone());
    let end = SystemTime::now() + Duration::from_secs(state.lifetime);
    let end = Timestamp::try_from(end).map(|end| end.to_string()).unwrap_or_default();
    Ok(json!({ "accessToken": given, "expireTime": end }))
}

fn refuse(status: u16, code: &str, why: &str) -> Answered {
    let answer = json!({ "error": { "code": status, "message": why, "status": code } });
    Err((status, why.to_owned(), answer))
}
