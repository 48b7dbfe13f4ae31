//! The settings for Google Cloud KMS, before they are checked.

use std::ffi::OsString;

use clap::Args;

/// The unchecked settings.
#[derive(Args)]
pub struct GcpArguments {
    /// GCP, for tests: another address of KMS. Plain `http` is allowed on loopback and sends no credentials; other addresses need
    /// `https`
    #[arg(
        id = "gcp_endpoint",
        long = "gcp-endpoint",
        value_name = "GCP_ENDPOINT",
        env = "ATTO_SIGNER_GCP_ENDPOINT",
        hide_env_values = true
    )]
    pub endpoint: Option<OsString>,
    /// GCP, in any cluster: the provider of Workload Identity Federation that accepts the token in
    /// `ATTO_SIGNER_IDENTITY_TOKEN_FILE`,
    /// `//iam.googleapis.com/projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER`
    #[arg(
        id = "gcp_provider",
        long = "gcp-provider",
        value_name = "GCP_PROVIDER",
        env = "ATTO_SIGNER_GCP_PROVIDER",
        hide_env_values = true
    )]
    pub provider: Option<OsString>,
    /// GCP, with a provider: the service account that the token's subject acts as [default: none, the subject itself]
    #[arg(
        id = "gcp_service_account",
        long = "gcp-service-account",
        value_name = "GCP_SERVICE_ACCOUNT",
        env = "ATTO_SIGNER_GCP_SERVICE_ACCOUNT",
        hide_env_values = true
    )]
    pub service_account: Option<OsString>,
    /// GCP, for tests: address of the token exchange, plain `http` on loopback
    #[arg(
        id = "gcp_sts_endpoint",
        long = "gcp-sts-endpoint",
        value_name = "GCP_STS_ENDPOINT",
        env = "ATTO_SIGNER_GCP_STS_ENDPOINT",
        hide_env_values = true
    )]
    pub sts_endpoint: Option<OsString>,
}
