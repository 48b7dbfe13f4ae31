//! Which key, and where it is.

use std::{ffi::OsString, fs::File, io::Read, path::Path};

use data_encoding::HEXUPPER_PERMISSIVE;
use zeroize::Zeroizing;

use crate::{
    backend::{InvalidSeed, Seed},
    protocol::{Address, PublicKey},
    settings::{ConfigError, Setting, excerpt, text},
};

const KEY_EXPECTED: &str = "a private key of 64 hexadecimal digits (`signer key generate` makes one)";

/// Where keys can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackendName {
    Gcp,
    Local,
}

pub fn backend(value: Setting<'_>) -> Result<BackendName, ConfigError> {
    const VARIABLE: &str = "ATTO_SIGNER_BACKEND";
    const EXPECTED: &str = "GCP or LOCAL";
    let Some(text) = text(VARIABLE, value, EXPECTED)? else {
        return Err(ConfigError::new(VARIABLE, "nothing", EXPECTED));
    };
    match text.to_ascii_uppercase().as_str() {
        "LOCAL" => Ok(BackendName::Local),
        "GCP" => Ok(BackendName::Gcp),
        "REMOTE" => Err(ConfigError::new(
            VARIABLE,
            "REMOTE, which is the node's setting",
            "GCP or LOCAL: the signer is what the node's REMOTE points at",
        )),
        _ => Err(ConfigError::new(VARIABLE, excerpt(text), EXPECTED)),
    }
}

pub fn key_version(value: Setting<'_>) -> Result<String, ConfigError> {
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
    // Anything else might be a private key that was meant for LOCAL.
    let found = if text.starts_with("projects/") {
        excerpt(text)
    } else {
        "something else, which is not shown here as it may be a secret".to_owned()
    };
    Err(ConfigError::new(VARIABLE, found, EXPECTED))
}

pub fn seed(value: Setting<'_>) -> Result<Seed, ConfigError> {
    const VARIABLE: &str = "ATTO_SIGNER_KEY";
    let Some(text) = text(VARIABLE, value, KEY_EXPECTED)? else {
        return Err(ConfigError::new(
            VARIABLE,
            "nothing",
            format!("{KEY_EXPECTED}, or a file with one in ATTO_SIGNER_KEY_FILE"),
        ));
    };
    if text.starts_with("projects/") {
        return Err(ConfigError::new(
            VARIABLE,
            "the name of a Google Cloud key version",
            format!("with ATTO_SIGNER_BACKEND=LOCAL {KEY_EXPECTED}"),
        ));
    }
    text.parse()
        .map_err(|error: InvalidSeed| ConfigError::new(VARIABLE, error.to_string(), KEY_EXPECTED))
}

pub fn seed_file(file: &OsString) -> Result<Seed, ConfigError> {
    const VARIABLE: &str = "ATTO_SIGNER_KEY_FILE";
    const EXPECTED: &str = "a readable file with a private key of 64 hexadecimal digits";
    const MAX_LENGTH: u64 = 1024;
    let path = Path::new(file);
    let name = excerpt(&path.to_string_lossy());
    let mut text = Zeroizing::new(String::with_capacity(1024));
    let read = File::open(path).and_then(|file| file.take(MAX_LENGTH).read_to_string(&mut text));
    read.map_err(|error| ConfigError::new(VARIABLE, format!("{name} ({error})"), EXPECTED))?;
    text.trim()
        .parse()
        .map_err(|error: InvalidSeed| ConfigError::new(VARIABLE, format!("{error} in {name}"), EXPECTED))
}

pub fn public_key(value: Setting<'_>) -> Result<Option<PublicKey>, ConfigError> {
    const VARIABLE: &str = "ATTO_SIGNER_EXPECTED_PUBLIC_KEY";
    const EXPECTED: &str = "64 hexadecimal digits or an address (atto://…)";
    let Some(text) = text(VARIABLE, value, EXPECTED)? else {
        return Ok(None);
    };
    if text.starts_with("atto://") {
        let address = text
            .parse::<Address>()
            .map_err(|error| ConfigError::new(VARIABLE, format!("{}, but {error}", excerpt(text)), EXPECTED))?;
        return Ok(Some(address.0));
    }
    let bytes = HEXUPPER_PERMISSIVE
        .decode(text.as_bytes())
        .ok()
        .and_then(|bytes| bytes.try_into().ok());
    let key = bytes.map(PublicKey).ok_or_else(|| {
        let found = format!("{} ({} characters)", excerpt(text), text.chars().count());
        ConfigError::new(VARIABLE, found, EXPECTED)
    })?;
    Ok(Some(key))
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
