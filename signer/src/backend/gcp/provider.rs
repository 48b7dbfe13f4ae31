//! The settings of Workload Identity Federation, with their checks.

use clap::ArgMatches;

use super::{arguments::GcpArguments, endpoint::Endpoint, federation::Federation, identity};
use crate::{
    backend::{
        address::{Address, shown},
        identity_token::IdentityTokenFile,
    },
    settings::{ConfigError, Errors, Setting, excerpt, text},
};

const PROVIDER: &str = "ATTO_SIGNER_GCP_PROVIDER";
const ACCOUNT: &str = "ATTO_SIGNER_GCP_SERVICE_ACCOUNT";
const STS: &str = "ATTO_SIGNER_GCP_STS_ENDPOINT";
const KMS: &str = "ATTO_SIGNER_GCP_ENDPOINT";
const EXPECTED_PROVIDER: &str = "the resource name of a provider, //iam.googleapis.com/projects/NUMBER/locations/global/\
    workloadIdentityPools/POOL/providers/PROVIDER, with the number of the project and not its ID: gcloud iam \
    workload-identity-pools providers describe PROVIDER --workload-identity-pool=POOL --location=global --format='value(name)' \
    prints it without //iam.googleapis.com/";
/// Names of pools and providers have 4 to 32 characters.
const NAME_LENGTH: std::ops::RangeInclusive<usize> = 4..=32;

/// Federation, if a provider is set.
pub fn read(arguments: &GcpArguments, matches: &ArgMatches) -> Result<Option<Federation>, Errors> {
    let mut errors = Errors::default();
    let provider = errors.take(provider(arguments.provider.as_ref()));
    let service_account = errors.take(account(arguments.service_account.as_ref()));
    let endpoint = errors.take(endpoint(arguments.sts_endpoint.as_ref()));
    let token = errors.take(IdentityTokenFile::read_setting(matches));
    let (Some(provider), Some(service_account), Some(endpoint), Some(token)) =
        (provider, service_account, endpoint, token)
    else {
        return Err(errors);
    };
    if let Some(provider) = provider {
        return Ok(Some(Federation {
            provider,
            service_account,
            endpoint,
            token,
        }));
    }
    for (variable, is_set) in [(ACCOUNT, service_account.is_some()), (STS, endpoint.is_some())] {
        if is_set {
            errors.push(ConfigError::new(
                variable,
                "a value, without ATTO_SIGNER_GCP_PROVIDER",
                "none, or also a provider, which says how a token of the cluster is exchanged",
            ));
        }
    }
    if errors.is_empty() { Ok(None) } else { Err(errors) }
}

/// Refuses to send Google's credentials to a test server for KMS over plain `http`.
pub fn stays_here(kms: Option<&Endpoint>, federation: Option<&Federation>) -> Result<(), ConfigError> {
    let is_plain = kms.is_some_and(|endpoint| endpoint.is_anonymous);
    match federation {
        Some(Federation { endpoint: None, .. }) if is_plain => Err(ConfigError::new(
            KMS,
            "plain http together with ATTO_SIGNER_GCP_PROVIDER, which would expose its tokens",
            "https://, or a test's ATTO_SIGNER_GCP_STS_ENDPOINT as well",
        )),
        _ => Ok(()),
    }
}

fn provider(value: Setting<'_>) -> Result<Option<String>, ConfigError> {
    let Some(text) = text(PROVIDER, value, EXPECTED_PROVIDER)? else {
        return Ok(None);
    };
    if is_provider(text) {
        Ok(Some(text.to_owned()))
    } else {
        Err(ConfigError::new(PROVIDER, excerpt(text), EXPECTED_PROVIDER))
    }
}

fn is_provider(text: &str) -> bool {
    let parts: Option<Vec<_>> = text
        .strip_prefix("//iam.googleapis.com/")
        .map(|rest| rest.split('/').collect());
    let is_name = |name: &str| {
        NAME_LENGTH.contains(&name.len())
            && name
                .bytes()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-')
    };
    match parts.as_deref() {
        Some(
            [
                "projects",
                number,
                "locations",
                "global",
                "workloadIdentityPools",
                pool,
                "providers",
                provider,
            ],
        ) => !number.is_empty() && number.bytes().all(|c| c.is_ascii_digit()) && is_name(pool) && is_name(provider),
        _ => false,
    }
}

fn account(value: Setting<'_>) -> Result<Option<String>, ConfigError> {
    const EXPECTED: &str =
        "the e-mail address of a Google service account, such as signer@PROJECT.iam.gserviceaccount.com";
    let Some(text) = text(ACCOUNT, value, EXPECTED)? else {
        return Ok(None);
    };
    let is_account = identity::name(text).is_some()
        && text.ends_with(".gserviceaccount.com")
        && text.bytes().all(|c| c.is_ascii_alphanumeric() || b"-_.@".contains(&c));
    if is_account {
        Ok(Some(text.to_owned()))
    } else {
        Err(ConfigError::new(ACCOUNT, excerpt(text), EXPECTED))
    }
}

fn endpoint(value: Setting<'_>) -> Result<Option<String>, ConfigError> {
    const EXPECTED: &str = "for tests: a URL that starts with http:// and a loopback address";
    let Some(text) = text(STS, value, EXPECTED)? else {
        return Ok(None);
    };
    match Address::parse(text) {
        Some(address) if address.is_plain => Ok(Some(address.url)),
        _ => Err(ConfigError::new(STS, shown(text), EXPECTED)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_is_named_whole_and_by_the_number_of_its_project() {
        let good = "//iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/atto-pool/providers/cluster-1";
        let read = |text: &str| provider(Some(&text.into()));
        assert_eq!(read(good).unwrap().as_deref(), Some(good));
        for wrong in [
            &good[2..],
            &good["//iam.googleapis.com/".len()..],
            &good.replace("//iam", "https://iam"),
            &good.replace("123456789012", "my-project"),
            &good.replace("atto-pool", "p"),
            &good.replace("global", "europe-west3"),
            &good.replace("/providers/cluster-1", ""),
            "//iam.googleapis.com/locations/global/workforcePools/pool/providers/provider",
        ] {
            let error = read(wrong).unwrap_err().to_string();
            assert!(
                error.contains(PROVIDER) && error.contains("projects/NUMBER"),
                "{wrong}: {error}"
            );
        }
    }

    #[test]
    fn a_service_account_is_an_address_at_google() {
        let read = |text: &str| account(Some(&text.into())).ok().flatten();
        assert!(read("signer@p.iam.gserviceaccount.com").is_some());
        assert!(read("1-compute@developer.gserviceaccount.com").is_some());
        for wrong in [
            "signer",
            "signer@example.com",
            "a/b@p.iam.gserviceaccount.com",
            "a@b:generateAccessToken.gserviceaccount.com",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
