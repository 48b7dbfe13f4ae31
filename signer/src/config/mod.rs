//! Checked settings. Nothing reads the command line or the environment afterwards.

mod arguments;
mod audit;
mod backends;
mod key;
mod parse;
mod policy;
mod secrets;
mod token_file;
mod variables;

use std::time::Duration;

use clap::ArgMatches;

pub use arguments::{
    Arguments, Command, KeyArguments, KeyCommand, ManagementArguments, PolicyArguments, TokenCommand, command, parser,
};
pub use key::KeyConfig;
pub use secrets::refuse_secrets;
pub use token_file::TokenFile;
#[cfg(any(test, fuzzing))]
pub(crate) use token_file::tokens as file_tokens;
pub use variables::unknown_variables;

use secrets::Secret;

use crate::{
    net::Place,
    policy::{Capabilities, Rules},
    protocol::PublicKey,
    settings::{ConfigError, Errors, Setting},
    telemetry::{AuditConfig, Level},
    token::Token,
};

/// Everything that `serve` needs.
#[derive(Debug)]
pub struct Config {
    /// The location of the key.
    pub key: KeyConfig,
    /// The only key that the signer may use.
    pub expected_public_key: Option<PublicKey>,
    /// The accepted tokens: each request must carry one.
    pub token: Token,
    /// The file from which they are updated.
    pub token_file: Option<TokenFile>,
    /// The kinds of messages that may be signed.
    pub capabilities: Capabilities,
    /// Address of the API; `None` if it is not set.
    pub place: Option<Place>,
    /// Port of the API.
    pub port: u16,
    /// Health and metrics.
    pub management: ManagementConfig,
    /// From the head of a request to its answer. Remote backends only.
    pub deadline: Duration,
    /// How long a remote backend may refuse at the start.
    pub startup_timeout: Duration,
    /// Threads of the API.
    pub threads: usize,
    /// Restrictions beyond capabilities and key.
    pub rules: Rules,
    /// The audit trail.
    pub audit: AuditConfig,
    /// The log level.
    pub log_level: Level,
    /// Settings that are allowed, but not recommended.
    pub warnings: Vec<String>,
}

/// The port for health, metrics and information.
#[derive(Clone, Copy, Debug)]
pub struct ManagementConfig {
    /// Addresses.
    pub place: Place,
    /// Port.
    pub port: u16,
}

impl Config {
    /// Checks everything, and reports all errors together. `arguments` come from `matches`.
    pub fn read(arguments: &Arguments, matches: &ArgMatches) -> Result<Self, Errors> {
        let Arguments {
            command: _,
            key,
            management,
            port,
            address,
            token: _,
            token_file,
            capabilities,
            expected_public_key,
            deadline,
            startup_timeout,
            threads,
            policy,
            audit,
            audit_file,
            log,
        } = arguments;
        let mut errors = Errors::default();
        let mut warnings = Vec::new();
        let key = errors.take_all(KeyConfig::read(key, matches));
        let management = errors.take_all(ManagementConfig::read(management));
        let port = errors.take(parse::port("ATTO_SIGNER_PORT", port.as_ref(), 9090));
        let place = errors.take(parse::place("ATTO_SIGNER_ADDRESS", address.as_ref()));
        let token_file = token_file.as_ref().map(TokenFile::new);
        let token = Secret::of("ATTO_SIGNER_TOKEN");
        let token = errors.take(match (&token_file, token.setting()) {
            (Some(_), Some(_)) => Err(ConfigError::new(
                "ATTO_SIGNER_TOKEN_FILE",
                "a file, while ATTO_SIGNER_TOKEN is set as well",
                "one of the two; unset the other",
            )),
            (Some(file), None) => file.read(),
            (None, token) => parse::token(token, &mut warnings),
        });
        let capabilities = errors.take(parse::capabilities(capabilities.as_ref()));
        let expected_public_key = errors.take(parse::public_key(expected_public_key.as_ref()));
        let deadline = errors.take(parse::deadline(deadline.as_ref()));
        let startup_timeout = errors.take(parse::startup_timeout(startup_timeout.as_ref()));
        let rules = errors.take_all(Rules::read(policy));
        let threads = errors.take(parse::threads(threads.as_ref()));
        let audit = errors.take(audit::audit(audit.as_ref(), audit_file.as_ref()));
        let log_level = errors.take(parse::log_level(log.as_ref()));
        if let (Some(port), Some(management)) = (port, management)
            && port == management.port
        {
            errors.push(ConfigError::new(
                "ATTO_SIGNER_MANAGEMENT_PORT",
                format!("{port}"),
                "another port than ATTO_SIGNER_PORT",
            ));
        }
        match (
            key,
            management,
            port,
            place,
            token,
            capabilities,
            expected_public_key,
            deadline,
            startup_timeout,
            threads,
            rules,
            audit,
            log_level,
        ) {
            (
                Some(key),
                Some(management),
                Some(port),
                Some(place),
                Some(token),
                Some(capabilities),
                Some(expected_public_key),
                Some(deadline),
                Some(startup_timeout),
                Some(threads),
                Some(rules),
                Some(audit),
                Some(log_level),
            ) if errors.is_empty() => Ok(Self {
                key,
                expected_public_key,
                token,
                token_file,
                capabilities,
                place,
                port,
                management,
                deadline,
                startup_timeout,
                threads,
                rules,
                audit,
                log_level,
                warnings,
            }),
            _ => Err(errors),
        }
    }
}

/// The expected key, if it is set.
pub fn expected_public_key(value: Setting<'_>) -> Result<Option<PublicKey>, Errors> {
    Ok(parse::public_key(value)?)
}

impl ManagementConfig {
    /// Checks address and port.
    pub fn read(arguments: &ManagementArguments) -> Result<Self, Errors> {
        let ManagementArguments {
            management_port,
            management_address,
        } = arguments;
        let mut errors = Errors::default();
        let port = errors.take(parse::port(
            "ATTO_SIGNER_MANAGEMENT_PORT",
            management_port.as_ref(),
            9091,
        ));
        let place = errors.take(parse::place(
            "ATTO_SIGNER_MANAGEMENT_ADDRESS",
            management_address.as_ref(),
        ));
        match (port, place) {
            (Some(port), Some(place)) => Ok(Self {
                place: place.unwrap_or(Place::All),
                port,
            }),
            _ => Err(errors),
        }
    }
}
