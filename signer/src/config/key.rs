//! Which key, and its location.

use std::sync::Arc;

use clap::ArgMatches;

use super::{
    arguments::KeyArguments,
    backends::LOCAL,
    parse::{self, KeyPlace},
    secrets::Secret,
};
use crate::{
    backend::{Location, Seed, VENDORS, Vendor},
    settings::{ConfigError, Errors, Setting},
};

/// The location of the key.
#[derive(Clone, Debug)]
pub enum KeyConfig {
    /// In this process.
    Local(Seed),
    /// At a key service.
    Remote(Arc<dyn Location>),
}

impl KeyConfig {
    /// Checks backend and key. `matches` is the source of `arguments`, and also has the settings of a single key service.
    pub fn read(arguments: &KeyArguments, matches: &ArgMatches) -> Result<Self, Errors> {
        let KeyArguments {
            backend,
            key: _,
            key_file,
            identity_token_file,
            vendors: _,
        } = arguments;
        let key = Secret::of("ATTO_SIGNER_KEY");
        let place = parse::backend(backend.as_ref())?;
        let mut errors = settings_of_others(place, matches);
        let read = match place {
            KeyPlace::Local => Self::local(key.setting(), key_file.as_ref()),
            KeyPlace::Remote(vendor) => Self::remote(vendor, key.setting(), key_file.as_ref(), matches),
        };
        let config = errors.take_all(read);
        if let (Some(config), Some(_)) = (&config, identity_token_file) {
            errors.take(config.identity_token_is_read());
        }
        match config {
            Some(config) if errors.is_empty() => Ok(config),
            _ => Err(errors),
        }
    }

    /// The name, as in `ATTO_SIGNER_BACKEND`.
    pub fn backend(&self) -> &'static str {
        match self {
            Self::Local(_) => LOCAL,
            Self::Remote(location) => location.backend(),
        }
    }

    /// Settings that are allowed, but may prevent access to the key service.
    pub fn warnings(&self) -> Vec<String> {
        match self {
            Self::Local(_) => Vec::new(),
            Self::Remote(location) => location.warnings(),
        }
    }

    /// A configured token file that is not read is a leftover, or means that another setting is missing.
    fn identity_token_is_read(&self) -> Result<(), ConfigError> {
        match self {
            Self::Remote(location) if location.reads_identity_token() => Ok(()),
            _ => Err(ConfigError::new(
                "ATTO_SIGNER_IDENTITY_TOKEN_FILE",
                format!(
                    "a file, which is not read with these settings of ATTO_SIGNER_BACKEND={}",
                    self.backend()
                ),
                "none; unset it",
            )),
        }
    }

    fn local(key: Setting<'_>, key_file: Setting<'_>) -> Result<Self, Errors> {
        let seed = match (key, key_file) {
            (Some(_), Some(_)) => Err(ConfigError::new(
                "ATTO_SIGNER_KEY_FILE",
                "a file, while ATTO_SIGNER_KEY is set as well",
                "one of the two; unset the other",
            )),
            (key, None) => parse::seed(key),
            (None, Some(file)) => parse::seed_file(file),
        };
        Ok(Self::Local(seed?))
    }

    fn remote(vendor: &Vendor, key: Setting<'_>, key_file: Setting<'_>, matches: &ArgMatches) -> Result<Self, Errors> {
        let mut errors = Errors::default();
        if key_file.is_some() {
            errors.push(ConfigError::new(
                "ATTO_SIGNER_KEY_FILE",
                format!("a file, with ATTO_SIGNER_BACKEND={}", vendor.name),
                format!("none: the key is in {}; unset it", vendor.title),
            ));
        }
        match errors.take_all((vendor.read)(key, matches)) {
            Some(location) if errors.is_empty() => Ok(Self::Remote(location)),
            _ => Err(errors),
        }
    }
}

/// Settings of key services that are not used.
fn settings_of_others(place: KeyPlace, matches: &ArgMatches) -> Errors {
    let chosen = match place {
        KeyPlace::Local => LOCAL,
        KeyPlace::Remote(vendor) => vendor.name,
    };
    let mut errors = Errors::default();
    for vendor in VENDORS.iter().filter(|vendor| vendor.name != chosen) {
        let command = (vendor.args)(clap::Command::new(vendor.name));
        for argument in command.get_arguments() {
            let is_set = matches!(matches.try_contains_id(argument.get_id().as_str()), Ok(true));
            if let (true, Some(variable)) = (is_set, argument.get_env()) {
                errors.push(ConfigError::new(
                    variable.to_string_lossy().into_owned(),
                    format!("a value, with ATTO_SIGNER_BACKEND={chosen}"),
                    format!("none: the signer sends no requests to {}; unset it", vendor.title),
                ));
            }
        }
    }
    errors
}
