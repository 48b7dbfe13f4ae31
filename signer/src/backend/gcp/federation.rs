//! Credentials of Workload Identity Federation: a token of the pod's ServiceAccount is exchanged at Google's token service. This
//! works in any cluster whose issuer Google Cloud trusts. A process without the token's file has no credentials.
//!
//! <https://docs.cloud.google.com/iam/docs/workload-identity-federation-with-kubernetes>

use google_cloud_auth::credentials::{Credentials, external_account};
use serde_json::json;

use super::fault::without_credentials;
use crate::backend::{fault::Fault, identity_token::IdentityTokenFile};

/// Google's own token service.
const STS: &str = "https://sts.googleapis.com";
/// Google's service for impersonating a service account.
const IAM_CREDENTIALS: &str = "https://iamcredentials.googleapis.com";
/// The scope of the exchanged token.
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

/// How the pod's token becomes credentials of Google Cloud.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Federation {
    /// `//iam.googleapis.com/projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER`
    pub provider: String,
    /// The service account that the pod's subject impersonates. Without it, the subject itself has the role.
    pub service_account: Option<String>,
    /// Replaces both of Google's services, for a test.
    pub endpoint: Option<String>,
    /// The token of the ServiceAccount.
    pub token: IdentityTokenFile,
}

impl Federation {
    /// Credentials that read the file again at each exchange. The file is also read once before, because errors are described
    /// better here.
    pub async fn credentials(&self) -> Result<Credentials, Fault> {
        self.token.token().await?;
        let at = |google| self.endpoint.as_deref().unwrap_or(google);
        let mut account = json!({
            "type": "external_account",
            "audience": self.provider,
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
            "token_url": format!("{}/v1/token", at(STS)),
            "credential_source": { "file": self.token.path() },
            "scopes": [SCOPE],
        });
        if let Some(name) = &self.service_account {
            account["service_account_impersonation_url"] = json!(format!(
                "{}/v1/projects/-/serviceAccounts/{name}:generateAccessToken",
                at(IAM_CREDENTIALS)
            ));
        }
        let credentials = external_account::Builder::new(account).build();
        credentials.map_err(|error| without_credentials(&error))
    }

    /// The identity that KMS sees: the service account, or the subject of the token in the provider's pool, in the form of a
    /// grant.
    pub async fn identity(&self) -> Option<String> {
        if let Some(account) = &self.service_account {
            return Some(account.clone());
        }
        let pool = self.provider.split("/providers/").next()?.trim_start_matches('/');
        let subject = self.token.token().await.ok()?.subject()?;
        Some(format!("principal://{pool}/subject/{subject}"))
    }
}
