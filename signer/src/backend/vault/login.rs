//! Logs in, renews and looks up a token.

use std::{collections::BTreeMap, path::Path, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, de::DeserializeOwned};
use zeroize::Zeroizing;

use super::{
    auth::Auth,
    fault::{Refusal, failed_check, of_login},
    http::{Ask, Http},
    lease::Grant,
    token::{Token, is_token, wiped_body},
};
use crate::{
    backend::{
        fault::{Cause, Fault},
        identity_token::IdentityTokenFile,
        secret_file,
    },
    one_line::cut,
};

/// Time limit of one of these requests. Two of them fit into the limit for creating a client.
const LIMIT: Duration = Duration::from_secs(4);
/// Seconds of a year, longer than a token should live.
const LONGEST: u64 = 366 * 86_400;

#[derive(Deserialize)]
struct Answer {
    auth: Option<Granted>,
}

#[derive(Deserialize)]
struct Granted {
    #[serde(default, deserialize_with = "wiped")]
    client_token: Zeroizing<String>,
    /// In seconds. 0 means no expiry.
    #[serde(default)]
    lease_duration: u64,
    #[serde(default)]
    renewable: bool,
    #[serde(default)]
    policies: Option<Vec<String>>,
    #[serde(default)]
    metadata: Option<BTreeMap<String, String>>,
    #[serde(default)]
    num_uses: i64,
}

#[derive(Deserialize)]
struct Looked<T> {
    data: T,
}

/// The service's answer about a token.
#[derive(Deserialize)]
struct Own {
    #[serde(default)]
    display_name: String,
    #[serde(default)]
    policies: Option<Vec<String>>,
    /// In seconds. 0 means no expiry.
    #[serde(default)]
    ttl: u64,
    #[serde(default)]
    renewable: bool,
    #[serde(default)]
    num_uses: i64,
}

#[derive(Serialize)]
struct Login<'a> {
    role: &'a str,
    jwt: &'a str,
}

/// Gets a token in the configured way.
pub async fn log_in(http: &Http, auth: &Auth) -> Result<Grant, Fault> {
    match auth {
        Auth::Role {
            mount, role, identity, ..
        } => with_role(http, mount, role, identity).await,
        Auth::Token(file) => from_file(http, file).await,
    }
}

async fn with_role(http: &Http, mount: &str, role: &str, identity: &IdentityTokenFile) -> Result<Grant, Fault> {
    let jwt = identity.token().await?;
    let path = format!("auth/{mount}/login");
    let body = serde_json::to_string(&Login {
        role,
        jwt: jwt.as_str(),
    });
    let ask = Ask {
        body: Some(wiped_body(body.map_err(|error| failed_check(error.to_string()))?)),
        path: &path,
        token: None,
        secret: Some(jwt.as_str()),
        limit: Some(LIMIT),
    };
    let answer = http.ask::<Answer>(ask).await;
    let answer = answer.map_err(|Refusal { fault, .. }| {
        let fault = of_login(&fault).with_note(&format!("login with the role {} at {path}", cut(role, 60)));
        jwt.explain(fault)
    })?;
    let granted = answer.auth.filter(|granted| is_token(&granted.client_token));
    let Granted {
        client_token,
        lease_duration,
        renewable,
        policies,
        metadata,
        num_uses,
    } = granted.ok_or_else(|| {
        let text = format!("the login at {path} returned no token; a role with a second factor cannot be used");
        Fault::new(Cause::Credentials, text)
    })?;
    unlimited(num_uses)?;
    let metadata = metadata.unwrap_or_default();
    let of_kubernetes = |name: &str| metadata.get(&format!("service_account_{name}"));
    let who = match (of_kubernetes("namespace"), of_kubernetes("name")) {
        (Some(namespace), Some(name)) => format!("{namespace}/{name} in the role {role}"),
        _ => format!("the role {role}"),
    };
    Ok(Grant {
        token: Token::new(client_token),
        identity: identity_of(&who, policies.as_deref()),
        life: life(lease_duration),
        is_renewable: renewable,
    })
}

async fn from_file(http: &Http, file: &Path) -> Result<Grant, Fault> {
    let text = read_token(file).await?;
    let token = Token::new(text);
    let looked = look_up::<Own>(http, &token).await;
    let own = looked.map_err(|refusal| {
        if refusal.is_denial() {
            let found = format!(
                "found a token that the server does not accept: it has expired, was revoked, is of another server or \
                namespace, or none of its policies allows auth/token/lookup-self ({})",
                refusal.fault.text()
            );
            wrong(file, &found)
        } else {
            of_login(&refusal.fault)
        }
    })?;
    unlimited(own.num_uses)?;
    Ok(Grant {
        token,
        identity: identity_of(&own.display_name, own.policies.as_deref()),
        life: life(own.ttl),
        is_renewable: own.renewable,
    })
}

/// Whether the file contains another token.
pub async fn is_replaced(auth: &Auth, token: &Token) -> bool {
    match auth {
        Auth::Role { .. } => false,
        Auth::Token(file) => read_token(file)
            .await
            .is_ok_and(|text| text.trim_ascii() != token.as_str()),
    }
}

/// The remaining lifetime of the token.
pub async fn renew(http: &Http, token: &Token) -> Result<Duration, Refusal> {
    let ask = Ask {
        body: Some(wiped_body("{}".to_owned())),
        path: "auth/token/renew-self",
        token: Some(token),
        secret: None,
        limit: Some(LIMIT),
    };
    let answer: Answer = http.ask(ask).await?;
    let granted = answer.auth.ok_or_else(|| failed_check("a renewal without the token"))?;
    Ok(bounded(granted.lease_duration))
}

/// The service's answer about the token. Status 403 means that it is invalid, or may not look itself up.
pub async fn look_up<T: DeserializeOwned>(http: &Http, token: &Token) -> Result<T, Refusal> {
    let ask = Ask {
        body: None,
        path: "auth/token/lookup-self",
        token: Some(token),
        secret: None,
        limit: Some(LIMIT),
    };
    http.ask::<Looked<T>>(ask).await.map(|looked| looked.data)
}

async fn read_token(file: &Path) -> Result<Zeroizing<String>, Fault> {
    let path = file.to_owned();
    let reading = tokio::task::spawn_blocking(move || secret_file::read(&path)).await;
    let text = reading
        .unwrap_or_else(|_| Err("unreadable content".to_owned()))
        .map_err(|found| wrong(file, &format!("found {found}, expected a token")))?;
    if is_token(text.trim_ascii()) {
        Ok(text)
    } else {
        Err(wrong(
            file,
            "found blanks or other invalid characters, expected one token",
        ))
    }
}

fn wrong(file: &Path, found: &str) -> Fault {
    let file = cut(&file.to_string_lossy(), 100);
    Fault::new(
        Cause::Credentials,
        format!("ATTO_SIGNER_VAULT_TOKEN_FILE: {file}: {found}"),
    )
}

/// Refuses a token with a limited number of uses, which would end at an unexpected time.
fn unlimited(uses: i64) -> Result<(), Fault> {
    if uses == 0 {
        return Ok(());
    }
    Err(Fault::new(
        Cause::Credentials,
        format!(
            "found a token of {uses} uses, expected one without a limit: set token_num_uses=0 of the role, or use another token"
        ),
    ))
}

fn life(seconds: u64) -> Option<Duration> {
    (seconds > 0).then(|| bounded(seconds))
}

/// Limits a lifetime from the server, because an extremely long one cannot be added to a point in time.
fn bounded(seconds: u64) -> Duration {
    Duration::from_secs(seconds.min(LONGEST))
}

fn identity_of(who: &str, policies: Option<&[String]>) -> String {
    let policies = policies.unwrap_or_default().join(", ");
    if policies.is_empty() {
        cut(who, 150)
    } else {
        format!("{} with the policies {}", cut(who, 100), cut(&policies, 100))
    }
}

fn wiped<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Zeroizing<String>, D::Error> {
    String::deserialize(deserializer).map(Zeroizing::new)
}
