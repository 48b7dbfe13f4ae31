//! Which key, and its location.

use std::{ffi::OsString, fs::File, io::Read, path::Path};

use data_encoding::HEXUPPER_PERMISSIVE;
use zeroize::Zeroizing;

use crate::{
    backend::{InvalidSeed, Seed, VENDORS, Vendor},
    config::backends::{LOCAL, backend_names},
    protocol::{Address, PublicKey},
    settings::{ConfigError, Setting, excerpt, text},
};

const KEY_EXPECTED: &str = "a private key of 64 hexadecimal digits (`signer key generate` makes one)";

/// The possible locations of a key.
#[derive(Clone, Copy, Debug)]
pub enum KeyPlace {
    /// In this process.
    Local,
    /// At a key service.
    Remote(&'static Vendor),
}

pub fn backend(value: Setting<'_>) -> Result<KeyPlace, ConfigError> {
    const VARIABLE: &str = "ATTO_SIGNER_BACKEND";
    let expected = backend_names(str::to_owned);
    let Some(text) = text(VARIABLE, value, expected.clone())? else {
        return Err(ConfigError::new(VARIABLE, "nothing", expected));
    };
    let is_called = |name: &str| text.eq_ignore_ascii_case(name);
    if is_called(LOCAL) {
        return Ok(KeyPlace::Local);
    }
    if is_called("REMOTE") {
        return Err(ConfigError::new(
            VARIABLE,
            "REMOTE, which is the node's setting",
            format!("{expected}: the node's REMOTE names this signer"),
        ));
    }
    let vendor = VENDORS.iter().find(|vendor| is_called(vendor.name));
    vendor
        .map(|vendor| KeyPlace::Remote(vendor))
        .ok_or_else(|| ConfigError::new(VARIABLE, excerpt(text), expected))
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
    if let Some(vendor) = VENDORS.iter().find(|vendor| (vendor.is_key)(text)) {
        return Err(ConfigError::new(
            VARIABLE,
            vendor.key_noun,
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
