//! The settings of AWS KMS: the key, and the variables that all AWS SDKs share. There are no other flags.

use std::sync::Arc;

use clap::ArgMatches;

use super::{
    arn,
    endpoint::Endpoints,
    environment::{Environment, PROCESS},
    key_arn::KeyArn,
    location::{AwsLocation, NAME},
    place::AwsPlace,
    source::{Common, Source},
    variables::VARIABLES,
};
use crate::{
    backend::{
        identity_token::IdentityTokenFile,
        vendor::{Location, Vendor},
    },
    one_line::cut,
    settings::{Errors, Setting},
};

/// AWS KMS.
pub static VENDOR: Vendor = Vendor {
    name: NAME,
    title: "AWS",
    key: "arn:aws:kms:REGION:ACCOUNT:key/ID",
    key_noun: "the ARN of an AWS KMS key",
    is_key: |text| text.starts_with(arn::PREFIX),
    libraries: &[
        "/aws-config-",
        "/aws-runtime-",
        "/aws-sdk-kms-",
        "/aws-sdk-sts-",
        "/aws-sigv4-",
        "/aws-smithy-",
        "/reqwest-",
    ],
    args: |command| command,
    variables: VARIABLES,
    read,
};

/// CA bundle of the AWS CLI.
const BUNDLE: &str = "AWS_CA_BUNDLE";
/// Maximum length of a Region in a message.
const SHOWN: usize = 40;

fn read(key: Setting<'_>, matches: &ArgMatches) -> Result<Arc<dyn Location>, Errors> {
    let file = IdentityTokenFile::read_setting(matches);
    let common = if IdentityTokenFile::is_set(matches) {
        Common::Set(file)
    } else {
        Common::Default(file)
    };
    Ok(Arc::new(location(key, &PROCESS, common)?))
}

fn location(key: Setting<'_>, environment: &Environment<'_>, common: Common) -> Result<AwsLocation, Errors> {
    let mut errors = Errors::default();
    let mut warnings = Vec::new();
    let key = errors.take(KeyArn::read(key));
    let endpoints = Endpoints::read(environment, key.as_ref(), &mut errors);
    let source = Source::read(environment, key.as_ref(), common, &mut errors, &mut warnings);
    match (key, source) {
        (Some(key), Some(source)) if errors.is_empty() => {
            warnings.extend(other_region(environment, &key));
            warnings.extend(bundle(environment));
            let place = AwsPlace { key, endpoints, source };
            Ok(AwsLocation { place, warnings })
        }
        _ => Err(errors),
    }
}

/// The key's Region is used in any case. On EKS, the variable names the cluster's Region.
fn other_region(environment: &Environment<'_>, key: &KeyArn) -> Option<String> {
    let mut errors = Errors::default();
    let mut set = ["AWS_REGION", "AWS_DEFAULT_REGION"]
        .into_iter()
        .filter_map(|name| environment.text(name, &mut errors).map(|region| (name, region)));
    let (name, region) = set.next().filter(|(_, region)| *region != key.region)?;
    Some(format!(
        "{name}: found {}, while the key in ATTO_SIGNER_KEY is in {}. KMS and STS are asked in the Region of the key, which adds network time to each signature",
        cut(&region, SHOWN),
        key.region
    ))
}

/// The AWS CLI reads it, so it may have been set for a proxy that intercepts TLS.
fn bundle(environment: &Environment<'_>) -> Option<String> {
    environment.has(BUNDLE).then(|| {
        format!("{BUNDLE}: the signer does not read this file. Name the file with the trusted certificate authorities in SSL_CERT_FILE")
    })
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;

    const KEY: &str = "arn:aws:kms:eu-central-1:123456789012:key/a";

    fn read(key: &str, variables: &[(&str, &str)]) -> Result<AwsLocation, String> {
        let get = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| OsString::from(value))
        };
        let file = IdentityTokenFile::named("ATTO_SIGNER_IDENTITY_TOKEN_FILE", "/common".to_owned());
        let location = location(Some(&key.into()), &Environment(&get), Common::Default(Ok(file)));
        location.map_err(|errors| errors.to_string())
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once() {
        let told = read(
            "alias/voter",
            &[
                ("AWS_ENDPOINT_URL_KMS", "http://kms.example.com"),
                ("AWS_USE_FIPS_ENDPOINT", "yes"),
                ("AWS_ROLE_ARN", "voter"),
                ("AWS_ROLE_SESSION_NAME", "a b"),
            ],
        );
        let told = told.unwrap_err();
        for variable in [
            "ATTO_SIGNER_KEY",
            "AWS_ENDPOINT_URL_KMS",
            "AWS_USE_FIPS_ENDPOINT",
            "AWS_ROLE_ARN",
            "AWS_ROLE_SESSION_NAME",
        ] {
            assert_eq!(
                told.lines()
                    .filter(|line| line.starts_with(&format!("{variable}: found ")))
                    .count(),
                1,
                "{told}"
            );
        }
        assert_eq!(told.lines().count(), 5, "{told}");
    }

    #[test]
    fn what_counts_for_nothing_is_warned_about() {
        for (variables, starts) in [
            (
                &[("AWS_REGION", "eu-west-1")][..],
                Some("AWS_REGION: found eu-west-1, "),
            ),
            (
                &[("AWS_DEFAULT_REGION", "us-east-1"), ("AWS_REGION", "")],
                Some("AWS_DEFAULT_REGION: found us-east-1"),
            ),
            (
                &[("AWS_REGION", "eu-central-1"), ("AWS_DEFAULT_REGION", "us-east-1")],
                None,
            ),
            (&[], None),
            (
                &[("AWS_CA_BUNDLE", "/etc/proxy.pem")],
                Some("AWS_CA_BUNDLE: the signer does not read this file. Name"),
            ),
        ] {
            let warnings = read(KEY, variables).unwrap().warnings();
            assert_eq!(warnings.len(), usize::from(starts.is_some()), "{warnings:?}");
            assert!(
                warnings.iter().all(|line| line.starts_with(starts.unwrap_or_default())),
                "{warnings:?}"
            );
        }
    }
}
