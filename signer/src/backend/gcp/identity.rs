//! The identity that calls KMS. Messages name it, so that people grant the role to the right one.

use std::{env, path::PathBuf, time::Duration};

use serde::Deserialize;

use crate::one_line::cut;

/// A message without a name is better than a late start.
const LIMIT: Duration = Duration::from_secs(1);
const METADATA_HOST: &str = "metadata.google.internal";
const EMAIL_PATH: &str = "/computeMetadata/v1/instance/service-accounts/default/email";

/// Maximum length of an account's name.
const MAX_NAME: usize = 255;
/// Precedes the account in the URL for impersonation.
const ACCOUNTS: &str = "/serviceAccounts/";

#[derive(Deserialize)]
struct KeyFile {
    client_email: Option<String>,
    service_account_impersonation_url: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
}

/// The account's e-mail address, or at least the type of its credential. Searches the sources of Google's application default
/// credentials, in order: <https://docs.cloud.google.com/docs/authentication/application-default-credentials>.
pub async fn identity() -> Option<String> {
    match files().into_iter().flatten().find_map(|path| std::fs::read(path).ok()) {
        Some(file) => in_file(&file),
        None => at_metadata_server().await,
    }
}

/// Whether the credentials are in a file, so that the metadata server is not used.
pub fn uses_a_file() -> bool {
    files().into_iter().flatten().any(|path| path.is_file())
}

/// The host of the metadata server.
pub fn metadata_host() -> String {
    env::var("GCE_METADATA_HOST").unwrap_or_else(|_| METADATA_HOST.to_owned())
}

fn files() -> [Option<PathBuf>; 2] {
    let named = env::var_os("GOOGLE_APPLICATION_CREDENTIALS").map(PathBuf::from);
    let home = env::var_os("HOME").map(PathBuf::from);
    [
        named,
        home.map(|home| home.join(".config/gcloud/application_default_credentials.json")),
    ]
}

/// The identity of a credential file of any kind, without its secrets.
pub fn in_file(file: &[u8]) -> Option<String> {
    let KeyFile {
        client_email,
        service_account_impersonation_url: becomes,
        kind,
    } = serde_json::from_slice(file).ok()?;
    // With impersonation, KMS sees the impersonated identity.
    becomes
        .as_deref()
        .and_then(impersonated)
        .or_else(|| client_email.as_deref().and_then(name))
        .or_else(|| kind.map(|kind| format!("a credential of type {}", cut(&kind, 60))))
}

/// The account in `https://…/serviceAccounts/ACCOUNT:generateAccessToken`.
fn impersonated(url: &str) -> Option<String> {
    let (_, rest) = url.rsplit_once(ACCOUNTS)?;
    name(rest.split(':').next().unwrap_or(rest))
}

/// A valid e-mail address, if the text is one.
pub fn name(text: &str) -> Option<String> {
    let text = text.trim_ascii();
    let is_name = text.len() <= MAX_NAME && text.contains('@') && text.chars().all(|c| c.is_ascii_graphic());
    is_name.then(|| text.to_owned())
}

async fn at_metadata_server() -> Option<String> {
    let host = metadata_host();
    let client = reqwest::Client::builder().no_proxy().timeout(LIMIT).build().ok()?;
    let request = client
        .get(format!("http://{host}{EMAIL_PATH}"))
        .header("Metadata-Flavor", "Google");
    let mut answer = request.send().await.ok()?.error_for_status().ok()?;
    let mut email = Vec::new();
    // Limits the memory that any server can use.
    while let Some(more) = answer.chunk().await.ok()? {
        email.extend_from_slice(&more);
        if email.len() > 2 * MAX_NAME {
            return None;
        }
    }
    name(std::str::from_utf8(&email).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_file_is_named_by_its_account_and_never_shown() {
        let named =
            br#"{"type":"service_account","client_email":"s@p.iam.gserviceaccount.com","private_key":"secret"}"#;
        assert_eq!(in_file(named).as_deref(), Some("s@p.iam.gserviceaccount.com"));
        let unnamed = br#"{"type":"external_account","audience":"x"}"#;
        assert_eq!(
            in_file(unnamed).as_deref(),
            Some("a credential of type external_account")
        );
        assert_eq!(in_file(b"secret"), None);
    }

    #[test]
    fn a_file_that_becomes_another_account_is_named_by_that_one() {
        let url = |account: &str| {
            format!("https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/{account}:generateAccessToken")
        };
        for kind in ["impersonated_service_account", "external_account"] {
            let file = serde_json::json!({
                "type": kind, "service_account_impersonation_url": url("voter@p.iam.gserviceaccount.com"),
                "source_credentials": { "type": "service_account", "client_email": "robot@p.iam.gserviceaccount.com" },
            });
            assert_eq!(
                in_file(file.to_string().as_bytes()).as_deref(),
                Some("voter@p.iam.gserviceaccount.com")
            );
        }
        let odd = serde_json::json!({ "type": "x\ny".repeat(90), "service_account_impersonation_url": url("a b@c") });
        let told = in_file(odd.to_string().as_bytes()).unwrap();
        assert!(
            told.starts_with("a credential of type x yx y") && told.chars().count() < 90,
            "{told}"
        );
    }

    #[test]
    fn only_an_address_is_a_name() {
        assert_eq!(name(" s@p.example\n").as_deref(), Some("s@p.example"));
        for wrong in [
            "",
            "somebody",
            "s@p\nforged",
            "s@p\u{202E}",
            &format!("s@{}", "x".repeat(255)),
        ] {
            assert_eq!(name(wrong), None, "{wrong:?}");
        }
    }
}
