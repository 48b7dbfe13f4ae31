//! Who asks KMS. Messages name it, so that people grant the role to the right one.

use std::{env, path::PathBuf, time::Duration};

use serde::Deserialize;

/// A message without a name is better than a late start.
const LIMIT: Duration = Duration::from_secs(1);
const METADATA_HOST: &str = "metadata.google.internal";
const EMAIL_PATH: &str = "/computeMetadata/v1/instance/service-accounts/default/email";

#[derive(Deserialize)]
struct KeyFile {
    client_email: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
}

/// The e-mail address of the account, or at least the type of its credential. Looks where Google's application default
/// credentials come from, in their order: <https://docs.cloud.google.com/docs/authentication/application-default-credentials>.
pub async fn identity() -> Option<String> {
    match files().into_iter().flatten().find_map(|path| std::fs::read(path).ok()) {
        Some(file) => in_file(&file),
        None => at_metadata_server().await,
    }
}

/// Whether the credentials are in a file, so that the metadata server is not asked.
pub fn uses_a_file() -> bool {
    files().into_iter().flatten().any(|path| path.is_file())
}

/// Where the metadata server is.
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

fn in_file(file: &[u8]) -> Option<String> {
    let KeyFile { client_email, kind } = serde_json::from_slice(file).ok()?;
    client_email.or_else(|| kind.map(|kind| format!("a credential of type {kind}")))
}

async fn at_metadata_server() -> Option<String> {
    let host = metadata_host();
    let client = reqwest::Client::builder().no_proxy().timeout(LIMIT).build().ok()?;
    let request = client
        .get(format!("http://{host}{EMAIL_PATH}"))
        .header("Metadata-Flavor", "Google");
    let answer = request.send().await.ok()?.error_for_status().ok()?;
    let email = answer.text().await.ok()?;
    let is_name = email.len() < 256 && email.contains('@') && email.trim().chars().all(|c| c.is_ascii_graphic());
    is_name.then(|| email.trim().to_owned())
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
}
