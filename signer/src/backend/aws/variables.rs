//! Every variable of the AWS SDKs that may be set, and its effect.

/// The name, and its meaning here.
pub const VARIABLES: &[(&str, &str)] = &[
    (
        "AWS_ACCESS_KEY_ID",
        "With `AWS_SECRET_ACCESS_KEY`: the access key. It takes precedence over every other source of credentials.",
    ),
    (
        "AWS_SECRET_ACCESS_KEY",
        "See `AWS_ACCESS_KEY_ID`. One without the other is refused.",
    ),
    (
        "AWS_SESSION_TOKEN",
        "The session token, if the access key is temporary.",
    ),
    (
        "AWS_ROLE_ARN",
        "The role to assume, in a session that STS gives for a Kubernetes token. It must be in the partition of the key.",
    ),
    (
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "The file with that token. Default: `ATTO_SIGNER_IDENTITY_TOKEN_FILE`. Refused without `AWS_ROLE_ARN`.",
    ),
    (
        "AWS_ROLE_SESSION_NAME",
        "The session's name in CloudTrail, 2 to 64 characters. Default: `atto-signer-` and `HOSTNAME`, the name of the pod.",
    ),
    (
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "The agent that provides credentials, as EKS Pod Identity sets it: `https`, or `http` to this host and its agents.",
    ),
    (
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "The agent that provides credentials, as ECS sets it: a path, which takes precedence over the full URI.",
    ),
    (
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        "The file with the token for the agent. It is read for each request.",
    ),
    ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "The token for the agent."),
    (
        "AWS_EC2_METADATA_DISABLED",
        "`true`: the instance metadata, the last source of credentials, is not asked. Without another source that is refused.",
    ),
    (
        "AWS_EC2_METADATA_SERVICE_ENDPOINT",
        "The address of the instance metadata: `http://169.254.169.254`, `http://[fd00:ec2::254]`, loopback or `https`.",
    ),
    (
        "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
        "`IPv6`: the second of these addresses, if no address is set.",
    ),
    (
        "AWS_ENDPOINT_URL_KMS",
        "Another endpoint of KMS, in the Region of the key: `https`, or `http` to this host.",
    ),
    (
        "AWS_ENDPOINT_URL_STS",
        "Another endpoint of STS. Default: that of the key's Region.",
    ),
    (
        "AWS_ENDPOINT_URL",
        "The endpoint of KMS and STS, if their own variable is not set.",
    ),
    (
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
        "`true`: the three variables above are ignored.",
    ),
    (
        "AWS_USE_FIPS_ENDPOINT",
        "`true`: use the endpoints with validated cryptography (FIPS). Refused together with a custom endpoint of KMS.",
    ),
    (
        "AWS_USE_DUALSTACK_ENDPOINT",
        "`true`: use the endpoints with IPv6. Refused together with a custom endpoint of KMS.",
    ),
    (
        "AWS_REGION",
        "Ignored: the Region is that of the key. The signer warns about another one.",
    ),
    ("AWS_DEFAULT_REGION", "The same, if `AWS_REGION` is not set."),
    (
        "AWS_PROFILE",
        "Refused, unless `AWS_ACCESS_KEY_ID` is set: no profile files are read.",
    ),
    ("AWS_CONFIG_FILE", "Refused in the same way."),
    ("AWS_SHARED_CREDENTIALS_FILE", "Refused in the same way."),
    (
        "AWS_CA_BUNDLE",
        "Ignored, with a warning: `SSL_CERT_FILE` names the trusted certificate authorities.",
    ),
    (
        "AWS_MAX_ATTEMPTS",
        "Ignored, like `AWS_RETRY_MODE`: the signer has its own retries.",
    ),
    (
        "AWS_STS_REGIONAL_ENDPOINTS",
        "Ignored: STS is asked in the Region of the key.",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// The source text of each file that reads such variables.
    const READERS: [&str; 4] = [
        include_str!("endpoint.rs"),
        include_str!("provider.rs"),
        include_str!("settings.rs"),
        include_str!("source.rs"),
    ];

    #[test]
    fn whatever_is_read_is_told() {
        let names = READERS.iter().flat_map(|text| text.split('"')).filter(|text| {
            text.starts_with("AWS_")
                && text
                    .bytes()
                    .all(|c| c == b'_' || c.is_ascii_uppercase() || c.is_ascii_digit())
        });
        for name in names {
            assert!(VARIABLES.iter().any(|(known, _)| *known == name), "{name}");
        }
    }
}
