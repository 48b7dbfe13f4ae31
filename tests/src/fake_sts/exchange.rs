//! Exchanges a cluster's token for one of Google.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::{Answered, PROVIDER, Shared, token};
use crate::process::random_suffix;

/// The required value of each parameter.
const EXPECTED: [(&str, &str); 4] = [
    ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
    ("requested_token_type", "urn:ietf:params:oauth:token-type:access_token"),
    ("subject_token_type", "urn:ietf:params:oauth:token-type:jwt"),
    ("audience", PROVIDER),
];

pub fn exchange(sts: &Shared, body: &[u8]) -> Answered {
    let asked: HashMap<String, String> = form_urlencoded::parse(body).into_owned().collect();
    for (name, expected) in EXPECTED {
        let found = asked.get(name).map(String::as_str).unwrap_or_default();
        if found != expected {
            return refuse("invalid_request", format!("Invalid value for \"{name}\": {found}"));
        }
    }
    if asked.get("scope").is_none_or(String::is_empty) {
        return refuse("invalid_request", "scope is missing".to_owned());
    }
    let subject = asked.get("subject_token").map(|token| token.trim()).unwrap_or_default();
    let claims = match token::verify(subject, &sts.keys, &sts.issuer) {
        Ok(claims) => claims,
        Err(error) => return refuse("invalid_grant", format!("The ID Token cannot be verified: {error:#}")),
    };
    if ![PROVIDER.to_owned(), format!("https:{PROVIDER}")]
        .iter()
        .any(|audience| token::is_for(&claims, audience))
    {
        return refuse(
            "invalid_grant",
            format!(
                "The audience in ID Token {} does not match the expected audience.",
                claims["aud"]
            ),
        );
    }
    let given = format!("federated-{}", random_suffix());
    let mut state = sts.state();
    state.exchanged.push(given.clone());
    Ok(json!({
        "access_token": given,
        "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
        "token_type": "Bearer",
        "expires_in": state.lifetime,
    }))
}

fn refuse(code: &str, why: String) -> Answered {
    let answer: Value = json!({ "error": code, "error_description": why });
    Err((400, why, answer))
}
