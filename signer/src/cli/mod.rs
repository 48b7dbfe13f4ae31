//! The command line: every option is also an environment variable.

mod arguments;
mod commands;
mod healthcheck;
mod preflight;

use std::{ffi::OsString, process::ExitCode};

use clap::FromArgMatches;

pub use arguments::{Arguments, KeyArguments, ManagementArguments, PolicyArguments, command};

use crate::{
    config::{self, Config, KeyConfig, ManagementConfig},
    telemetry,
};

/// The command line was not understood (`EX_USAGE`).
pub const USAGE: u8 = 64;
/// What was asked for is not there now (`EX_UNAVAILABLE`).
pub const UNAVAILABLE: u8 = 69;
/// A permission or a key is missing (`EX_NOPERM`).
pub const PERMISSION: u8 = 77;
/// A setting is wrong (`EX_CONFIG`).
pub const CONFIGURATION: u8 = 78;

/// All of them and 0, each with when it is, for people.
pub const EXIT_CODES: [(u8, &str); 5] = [
    (0, "ended as it was told to"),
    (USAGE, "the command line was not understood"),
    (UNAVAILABLE, "what was asked for is not there now"),
    (PERMISSION, "Google refuses the permission, or knows no such key"),
    (
        CONFIGURATION,
        "a setting is wrong, the key is not the expected one, or a port or the audit file is not to be had",
    ),
];

/// Runs the program with this command line, and says what it exits with.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let matches = match command().try_get_matches_from(arguments) {
        Ok(matches) => matches,
        Err(error) => {
            // Nothing is left to tell it to.
            let _ = error.print();
            return if error.use_stderr() {
                ExitCode::from(USAGE)
            } else {
                ExitCode::SUCCESS
            };
        }
    };
    let result = Arguments::from_arg_matches(&matches).map_err(|error| Failure::new(USAGE, error.to_string()));
    match result.and_then(|arguments| dispatch(&arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{}", failure.message);
            ExitCode::from(failure.code)
        }
    }
}

/// Why the program ends, for a person, and what it exits with.
#[derive(Debug)]
struct Failure {
    code: u8,
    message: String,
}

impl Failure {
    fn new(code: u8, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }
}

impl From<config::Errors> for Failure {
    fn from(errors: config::Errors) -> Self {
        Self::new(CONFIGURATION, errors.to_string())
    }
}

fn dispatch(arguments: &Arguments) -> Result<(), Failure> {
    use arguments::{Command, KeyCommand, TokenCommand};
    match &arguments.command {
        None => serve(arguments),
        Some(Command::Healthcheck { ready, management }) => {
            healthcheck::run(&ManagementConfig::read(management)?, *ready)
                .map_err(|message| Failure::new(UNAVAILABLE, message))
        }
        Some(Command::PublicKey { key }) => commands::public_key(&KeyConfig::read(key)?),
        Some(Command::Preflight {
            key,
            expected_public_key,
        }) => {
            let expected = config::expected_public_key(expected_public_key.as_ref())?;
            preflight::run(&KeyConfig::read(key)?, expected)
        }
        Some(Command::Key {
            command: KeyCommand::Generate,
        }) => commands::generate_key(),
        Some(Command::Token {
            command: TokenCommand::Generate,
        }) => commands::generate_token(),
    }
}

fn serve(arguments: &Arguments) -> Result<(), Failure> {
    let config = Config::read(arguments)?;
    telemetry::init(config.log_level);
    for warning in config
        .warnings
        .iter()
        .chain(&config::unknown_variables(std::env::vars_os(), &command()))
    {
        tracing::warn!("{warning}");
    }
    crate::serve(config).map_err(|error| Failure::new(error.exit_code(), error.to_string()))
}
