//! The settings of Google Cloud KMS, with their checks.

use std::sync::Arc;

use clap::{ArgMatches, Args, FromArgMatches};

use super::{
    arguments::GcpArguments,
    endpoint,
    location::{GcpLocation, NAME},
    provider,
};
use crate::{
    backend::vendor::{Location, Vendor},
    settings::{ConfigError, Errors, Setting, excerpt, text},
};

/// Google Cloud KMS.
pub static VENDOR: Vendor = Vendor {
    name: NAME,
    title: "Google Cloud",
    key: "projects/…/locations/…/keyRings/…/cryptoKeys/…/cryptoKeyVersions/…",
    key_noun: "the name of a Google Cloud key version",
    is_key: |text| text.starts_with(PREFIX),
    libraries: &["/google-cloud-", "/reqwest-"],
    args: GcpArguments::augment_args,
    variables: &[
        (
            "GOOGLE_APPLICATION_CREDENTIALS",
            "A credential file of Google. It is not read if `ATTO_SIGNER_GCP_PROVIDER` is set. Without both, the metadata server is asked.",
        ),
        (
            "GCE_METADATA_HOST",
            "The address of the metadata server. Default: `metadata.google.internal`.",
        ),
        (
            "HTTP_PROXY",
            "The metadata server would be asked through this proxy. Name that host in `NO_PROXY`.",
        ),
    ],
    read,
};

const PREFIX: &str = "projects/";

fn read(key: Setting<'_>, matches: &ArgMatches) -> Result<Arc<dyn Location>, Errors> {
    let arguments = GcpArguments::from_arg_matches(matches).map_err(|error| {
        // clap refuses no value before this point, so this reports a defect.
        ConfigError::new("ATTO_SIGNER_GCP_ENDPOINT", error.to_string(), "none; unset it")
    })?;
    let mut errors = Errors::default();
    let key_version = errors.take(key_version(key));
    let endpoint = errors.take(endpoint::read(arguments.endpoint.as_ref()));
    let federation = errors.take_all(provider::read(&arguments, matches));
    if let (Some(endpoint), Some(federation)) = (&endpoint, &federation) {
        errors.take(provider::stays_here(endpoint.as_ref(), federation.as_ref()));
    }
    match (key_version, endpoint, federation) {
        (Some(key_version), Some(endpoint), Some(federation)) if errors.is_empty() => Ok(Arc::new(GcpLocation {
            key_version,
            endpoint,
            federation,
        })),
        _ => Err(errors),
    }
}

fn key_version(value: Setting<'_>) -> Result<String, ConfigError> {
    const VARIABLE: &str = "ATTO_SIGNER_KEY";
    const EXPECTED: &str = "with ATTO_SIGNER_BACKEND=GCP the name of a key version, \
        projects/PROJECT/locations/LOCATION/keyRings/RING/cryptoKeys/KEY/cryptoKeyVersions/VERSION";
    const COLLECTIONS: [&str; 5] = ["projects", "locations", "keyRings", "cryptoKeys", "cryptoKeyVersions"];
    let Some(text) = text(VARIABLE, value, EXPECTED)? else {
        return Err(ConfigError::new(VARIABLE, "nothing", EXPECTED));
    };
    let parts: Vec<&str> = text.split('/').collect();
    let is_name = |name: &&str| {
        let fits = |character: char| character.is_ascii_alphanumeric() || "-_.:".contains(character);
        !name.is_empty() && name.chars().all(fits)
    };
    let is_right = parts.len() == 2 * COLLECTIONS.len()
        && parts.iter().step_by(2).eq(COLLECTIONS.iter())
        && parts.iter().skip(1).step_by(2).all(is_name);
    if is_right {
        return Ok(text.to_owned());
    }
    // Any other text may be a private key that was meant for LOCAL.
    let found = if text.starts_with(PREFIX) {
        excerpt(text)
    } else {
        "another value (not shown, because it may be a secret)".to_owned()
    };
    Err(ConfigError::new(VARIABLE, found, EXPECTED))
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERSION: &str = "projects/p-1/locations/global/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1";

    #[test]
    fn the_name_of_a_key_version_is_whole() {
        let read = |text: &str| key_version(Some(&text.into()));
        assert_eq!(read(&format!(" {VERSION}\n")).as_deref(), Ok(VERSION));
        for wrong in [
            "projects/p-1/locations/global/keyRings/r/cryptoKeys/k",
            "projects/p-1/locations/global/keyRings/r/cryptoKeys/k/cryptoKeyVersions/",
            "projects/p 1/locations/global/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1",
            "projects/p/locations/l/keyRings/r/keys/k/cryptoKeyVersions/1",
        ] {
            assert!(read(wrong).unwrap_err().to_string().contains(&wrong[..20]), "{wrong}");
        }
        let secret = "ab".repeat(32);
        assert!(!read(&secret).unwrap_err().to_string().contains("abab"));
    }
}
