//! The command line. Every option is also an environment variable.

mod commands;
mod failure;
mod healthcheck;
mod preflight;

use std::{ffi::OsString, process::ExitCode};

use clap::{ArgMatches, FromArgMatches};

use failure::Failure;

use crate::{
    config::{self, Arguments, Command, Config, KeyCommand, KeyConfig, ManagementConfig, TokenCommand, parser},
    exit::{UNAVAILABLE, USAGE},
    process, serve, telemetry,
};

/// Runs the program with this command line, and returns its exit code.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    // Before anything secret is read.
    let warnings = process::prepare();
    let matches = match parser().try_get_matches_from(arguments) {
        Ok(matches) => matches,
        Err(error) => {
            // The output failed, so the failure cannot be printed either.
            let _ = error.print();
            return if error.use_stderr() {
                ExitCode::from(USAGE)
            } else {
                ExitCode::SUCCESS
            };
        }
    };
    telemetry::tell_panics();
    let result = Arguments::from_arg_matches(&matches).map_err(|error| Failure::new(USAGE, error.to_string()));
    match result.and_then(|arguments| dispatch(&arguments, &matches, &warnings)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{}", failure.message);
            ExitCode::from(failure.code)
        }
    }
}

fn dispatch(arguments: &Arguments, matches: &ArgMatches, warnings: &[String]) -> Result<(), Failure> {
    // A command has its own settings.
    let own = matches.subcommand().map_or(matches, |(_, own)| own);
    config::refuse_secrets(matches)?;
    config::refuse_secrets(own)?;
    if arguments.command.is_some() {
        for warning in warnings {
            eprintln!("{warning}");
        }
    }
    match &arguments.command {
        None => run_server(arguments, matches, warnings),
        Some(Command::Healthcheck { ready, management }) => {
            healthcheck::run(&ManagementConfig::read(management)?, *ready)
                .map_err(|message| Failure::new(UNAVAILABLE, message))
        }
        Some(Command::PublicKey { key }) => commands::public_key(&KeyConfig::read(key, own)?),
        Some(Command::Preflight {
            key,
            expected_public_key,
        }) => {
            let expected = config::expected_public_key(expected_public_key.as_ref())?;
            preflight::run(&KeyConfig::read(key, own)?, expected)
        }
        Some(Command::Key {
            command: KeyCommand::Generate,
        }) => commands::generate_key(),
        Some(Command::Token {
            command: TokenCommand::Generate,
        }) => commands::generate_token(),
    }
}

fn run_server(arguments: &Arguments, matches: &ArgMatches, warnings: &[String]) -> Result<(), Failure> {
    let config = Config::read(arguments, matches)?;
    telemetry::init(config.log_level);
    for warning in warnings
        .iter()
        .chain(&config.warnings)
        .chain(&config.key.warnings())
        .chain(&config::unknown_variables(std::env::vars_os(), &parser()))
    {
        tracing::warn!("{warning}");
    }
    serve::serve(config).map_err(|error| Failure::new(error.exit_code(), error.to_string()))
}
