/// Which key, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GcpConfig {
    /// `projects/…/cryptoKeyVersions/…`
    pub key_version: String,
    /// Instead of Google's own.
    pub endpoint: Option<Endpoint>,
}

/// Where KMS is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// With the scheme.
    pub url: String,
    /// Plain HTTP on this machine: a test. Nobody's credentials are sent there.
    pub is_anonymous: bool,
}
