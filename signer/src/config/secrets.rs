//! Settings that only the environment or a file may provide, because every user of a host can read the command lines on it.

use std::{
    env,
    ffi::{OsStr, OsString},
    fmt,
    os::unix::ffi::OsStringExt,
};

use clap::ArgMatches;
use zeroize::Zeroize;

use crate::settings::{ConfigError, Errors, Setting};

/// Flags that are parsed only to be refused, and the variable to use instead.
pub const SECRETS: [(&str, &str); 2] = [("key", "ATTO_SIGNER_KEY"), ("token", "ATTO_SIGNER_TOKEN")];

/// A value from the environment. This copy is wiped when dropped; the environment block of the process stays.
pub struct Secret(Option<OsString>);

impl Secret {
    /// The value of this variable.
    pub fn of(variable: &str) -> Self {
        Self(env::var_os(variable))
    }

    pub fn setting(&self) -> Setting<'_> {
        self.0.as_ref()
    }

    pub fn as_os_str(&self) -> &OsStr {
        self.0.as_deref().unwrap_or_default()
    }
}

impl From<OsString> for Secret {
    fn from(value: OsString) -> Self {
        Self(Some(value))
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        if let Some(value) = self.0.take() {
            value.into_vec().zeroize();
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(hidden)")
    }
}

/// Refuses secrets in a command line.
pub fn refuse_secrets(matches: &ArgMatches) -> Result<(), Errors> {
    let mut errors = Errors::default();
    for (flag, variable) in SECRETS {
        if matches!(matches.try_contains_id(flag), Ok(true)) {
            let found = format!("a value in the command line (--{flag}), which every user of this host can read");
            let expected = format!(
                "it in the environment, or {variable}_FILE; if it is a secret, consider it compromised and create another one"
            );
            errors.push(ConfigError::new(variable, found, expected));
        }
    }
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parser;

    #[test]
    fn a_secret_in_the_command_line_is_refused_and_not_shown() {
        let read = |arguments: &[&str]| {
            let matches = parser()
                .try_get_matches_from([&["signer"], arguments].concat())
                .unwrap();
            let own = matches.subcommand().map_or(&matches, |(_, own)| own);
            refuse_secrets(own).map_err(|errors| errors.to_string())
        };
        for arguments in [
            &["--token=5ec2e7"][..],
            &["--token", "5ec2e7"],
            &["--token"],
            &["--token="],
            &["--key", "5ec2e7"],
            &["preflight", "--key=5ec2e7"],
            &["public-key", "--key", "5ec2e7"],
        ] {
            let told = read(arguments).unwrap_err();
            assert!(told.starts_with("ATTO_SIGNER_") && told.contains("_FILE"), "{told}");
            assert!(!told.contains("5ec2e7"), "{told}");
        }
        assert_eq!(read(&["--token", "a", "--key", "b"]).unwrap_err().lines().count(), 2);
        assert_eq!(read(&["--token-file", "a", "--key-file", "b"]), Ok(()));
        assert_eq!(read(&["key", "generate"]), Ok(()));
    }
}
