use std::ffi::OsString;

use clap::{ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use super::{
    backends::{backend_names, remote_names},
    secrets::SECRETS,
};
use crate::backend::VENDORS;

/// The parser of the command line. It also reads the environment, except [`SECRETS`], of which it would keep copies.
pub fn parser() -> clap::Command {
    Arguments::command()
}

/// The whole command line, with every variable that the signer knows, for the reference.
pub fn command() -> clap::Command {
    with_secrets(parser()).mut_subcommands(with_secrets)
}

fn with_secrets(command: clap::Command) -> clap::Command {
    SECRETS.into_iter().fold(command, |command, (flag, variable)| {
        if command.get_arguments().any(|argument| argument.get_id() == flag) {
            command.mut_arg(flag, |argument| argument.env(variable))
        } else {
            command
        }
    })
}

/// Serves Atto's signing API with one key. Without a command, it serves.
#[derive(Parser)]
#[command(name = "signer", version, after_help = secrets_help(&[("ATTO_SIGNER_KEY", key_help()), ("ATTO_SIGNER_TOKEN", TOKEN_HELP.to_owned())]))]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten)]
    pub key: KeyArguments,
    #[command(flatten)]
    pub management: ManagementArguments,
    /// Port of the signing API [default: 9090]
    #[arg(long, env = "ATTO_SIGNER_PORT", hide_env_values = true)]
    pub port: Option<OsString>,
    /// Address of the signing API: `localhost` (127.0.0.1 and, if available, ::1) or an IP address [default: all addresses, with a
    /// warning]
    #[arg(long, env = "ATTO_SIGNER_ADDRESS", hide_env_values = true)]
    pub address: Option<OsString>,
    #[arg(long, hide = true, hide_env_values = true, num_args = 0..=1, default_missing_value = "", help = TOKEN_HELP)]
    pub token: Option<OsString>,
    /// Instead of `ATTO_SIGNER_TOKEN`: a file with one token on each line. All of them are accepted, and the file may change at any
    /// time
    #[arg(long, env = "ATTO_SIGNER_TOKEN_FILE", hide_env_values = true)]
    pub token_file: Option<OsString>,
    /// What the signer may sign (required): some of `BLOCK`, `CHALLENGE`, `VOTE`, separated by commas, in upper or lower case. A
    /// voter needs `CHALLENGE,VOTE`
    #[arg(long, env = "ATTO_SIGNER_CAPABILITIES", hide_env_values = true)]
    pub capabilities: Option<OsString>,
    /// The public key that the key must have, as 64 hexadecimal digits or an `atto://` address. With another key, the signer fails
    /// to start
    #[arg(long, env = "ATTO_SIGNER_EXPECTED_PUBLIC_KEY", hide_env_values = true)]
    pub expected_public_key: Option<OsString>,
    #[arg(long, env = "ATTO_SIGNER_DEADLINE", hide_env_values = true, help = deadline_help())]
    pub deadline: Option<OsString>,
    #[arg(long, env = "ATTO_SIGNER_STARTUP_TIMEOUT", hide_env_values = true, help = startup_timeout_help())]
    pub startup_timeout: Option<OsString>,
    /// Threads of the signing API, 1 to 64 [default: 2]
    #[arg(long, env = "ATTO_SIGNER_THREADS", hide_env_values = true)]
    pub threads: Option<OsString>,
    /// Content of the audit trail, as lines of JSON: `decisions` (everything but signed votes, which are one line a minute), `all`
    /// or `off` [default: decisions]
    #[arg(long, env = "ATTO_SIGNER_AUDIT", hide_env_values = true)]
    pub audit: Option<OsString>,
    /// The file of the audit trail. The signer creates it if it is missing, and it may be moved away at any time [default: the
    /// standard output stream]
    #[arg(long, env = "ATTO_SIGNER_AUDIT_FILE", hide_env_values = true)]
    pub audit_file: Option<OsString>,
    /// How much the signer logs to the standard error stream: `off`, `error`, `warn`, `info`, `debug` or `trace` [default: info]
    #[arg(long, env = "ATTO_SIGNER_LOG", hide_env_values = true)]
    pub log: Option<OsString>,
    // Last, because its heading would also cover the arguments after it.
    #[command(flatten)]
    pub policy: PolicyArguments,
}

/// The location of the key.
#[derive(Args)]
pub struct KeyArguments {
    #[arg(long, env = "ATTO_SIGNER_BACKEND", hide_env_values = true, help = backend_help())]
    pub backend: Option<OsString>,
    #[arg(long, hide = true, hide_env_values = true, num_args = 0..=1, default_missing_value = "", help = key_help())]
    pub key: Option<OsString>,
    /// LOCAL, instead of `ATTO_SIGNER_KEY`: a file with the private key, with or without a line end
    #[arg(long, env = "ATTO_SIGNER_KEY_FILE", hide_env_values = true)]
    pub key_file: Option<OsString>,
    /// For key services that accept a Kubernetes token: the file with the token. It is read again at each login [default:
    /// /var/run/secrets/signer.atto.cash/identity/token]
    #[arg(long, env = "ATTO_SIGNER_IDENTITY_TOKEN_FILE", hide_env_values = true)]
    pub identity_token_file: Option<OsString>,
    #[command(flatten)]
    pub vendors: VendorArguments,
}

/// Settings of one key service: declared here, read by the chosen service ([`crate::backend::Vendor::read`]).
#[derive(Clone, Copy, Debug)]
pub struct VendorArguments;

impl Args for VendorArguments {
    fn augment_args(command: clap::Command) -> clap::Command {
        VENDORS.iter().fold(command, |command, vendor| (vendor.args)(command))
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for VendorArguments {
    fn from_arg_matches(_: &ArgMatches) -> Result<Self, clap::Error> {
        Ok(Self)
    }

    fn update_from_arg_matches(&mut self, _: &ArgMatches) -> Result<(), clap::Error> {
        Ok(())
    }
}

const TOKEN_HELP: &str = "The token that requests must carry (this or `ATTO_SIGNER_TOKEN_FILE` is required). The signer warns about fewer than 16 bytes";

fn secrets_help(secrets: &[(&str, String)]) -> String {
    let secrets = secrets
        .iter()
        .map(|(variable, help)| format!("\n  {variable}\n          {help}"));
    let secrets: String = secrets.collect();
    format!("Only as environment variables, because every user of the host can read a command line:{secrets}")
}

fn key_only_help() -> String {
    secrets_help(&[("ATTO_SIGNER_KEY", key_help())])
}

fn backend_help() -> String {
    let names = backend_names(|name| format!("`{name}`"));
    format!("The backend with the key (required): {names}, in upper or lower case")
}

fn key_help() -> String {
    let keys = VENDORS
        .iter()
        .map(|vendor| format!("{} (required): `{}`", vendor.name, vendor.key));
    let keys: Vec<_> = keys.collect();
    let keys = keys.join("; ");
    format!("{keys}; LOCAL (this or `ATTO_SIGNER_KEY_FILE` is required): the private key, 64 hexadecimal digits")
}

fn deadline_help() -> String {
    format!(
        "{}: the time from the head of a request to its answer, 50ms to 30s. After it, the signer answers with 429. The \
        node times out after 1 s [default: 900ms]",
        remote_names()
    )
}

fn startup_timeout_help() -> String {
    format!(
        "{}: how long the signer retries `PERMISSION_DENIED` and `NOT_FOUND` at its start, 0s to 24h. After it, the \
        signer ends with 77 [default: 10m]",
        remote_names()
    )
}

/// The port for health, metrics and information.
#[derive(Args)]
pub struct ManagementArguments {
    /// Port of health, metrics and information. It must differ from `ATTO_SIGNER_PORT` [default: 9091]
    #[arg(long, env = "ATTO_SIGNER_MANAGEMENT_PORT", hide_env_values = true)]
    pub management_port: Option<OsString>,
    /// Address of the management port: `localhost` or an IP address [default: all addresses]
    #[arg(long, env = "ATTO_SIGNER_MANAGEMENT_ADDRESS", hide_env_values = true)]
    pub management_address: Option<OsString>,
}

/// Restrictions beyond capabilities and key.
#[derive(Args)]
#[command(next_help_heading = "Policy, what the signer refuses to sign. Each setting is off unless set")]
pub struct PolicyArguments {
    /// Blocks of networks other than these: some of `LIVE`, `BETA`, `DEV`, `LOCAL`, separated by commas
    #[arg(long, env = "ATTO_SIGNER_POLICY_NETWORKS", hide_env_values = true)]
    pub policy_networks: Option<OsString>,
    /// Blocks of types other than these: some of `OPEN`, `RECEIVE`, `SEND`, `CHANGE`, separated by commas
    #[arg(long, env = "ATTO_SIGNER_POLICY_BLOCK_TYPES", hide_env_values = true)]
    pub policy_block_types: Option<OsString>,
    /// A `SEND` of more than this, in raw units
    #[arg(long, env = "ATTO_SIGNER_POLICY_MAX_AMOUNT_PER_SEND", hide_env_values = true)]
    pub policy_max_amount_per_send: Option<OsString>,
    /// A `SEND` to receivers other than these: at most 64 `atto://` addresses or public keys, separated by commas
    #[arg(long, env = "ATTO_SIGNER_POLICY_ALLOWED_RECEIVERS", hide_env_values = true)]
    pub policy_allowed_receivers: Option<OsString>,
    /// An `OPEN` or `CHANGE` with a representative other than this address or public key
    #[arg(long, env = "ATTO_SIGNER_POLICY_REPRESENTATIVE", hide_env_values = true)]
    pub policy_representative: Option<OsString>,
    /// Non-final votes with a timestamp further from the signer's clock than this when they are first requested, 1s to 24h
    #[arg(long, env = "ATTO_SIGNER_POLICY_VOTE_TIME_WINDOW", hide_env_values = true)]
    pub policy_vote_time_window: Option<OsString>,
    /// Challenges that do not start with this text, at most 256 characters
    #[arg(long, env = "ATTO_SIGNER_POLICY_CHALLENGE_URI_PREFIX", hide_env_values = true)]
    pub policy_challenge_uri_prefix: Option<OsString>,
}

#[derive(Subcommand)]
pub enum Command {
    /// Checks that a running signer is alive, for images without a shell: exits with 0, or with 69 and the reason
    Healthcheck {
        /// Check that it is ready, not only that it is alive
        #[arg(long)]
        ready: bool,
        #[command(flatten)]
        management: ManagementArguments,
    },
    /// Prints the public key and the address of the key
    #[command(after_help = key_only_help())]
    PublicKey {
        #[command(flatten)]
        key: KeyArguments,
    },
    /// Tests credentials, permissions, the key's algorithm and checksum, the expected key, two equal signatures over one text, and
    /// 50 signatures with their median and worst time. The signed texts are no votes, so it can run next to a running signer.
    /// Prints a line for each test, and the remedy for the first failure
    #[command(after_help = key_only_help())]
    Preflight {
        #[command(flatten)]
        key: KeyArguments,
        /// The expected public key (hexadecimal or atto://)
        #[arg(long, env = "ATTO_SIGNER_EXPECTED_PUBLIC_KEY", hide_env_values = true)]
        expected_public_key: Option<OsString>,
    },
    /// Creates private keys for LOCAL
    Key {
        #[command(subcommand)]
        command: KeyCommand,
    },
    /// Creates tokens
    Token {
        #[command(subcommand)]
        command: TokenCommand,
    },
}

#[derive(Subcommand)]
pub enum KeyCommand {
    /// Prints a new private key, and on the standard error stream its public key and address
    Generate,
}

#[derive(Subcommand)]
pub enum TokenCommand {
    /// Prints a new token of 64 characters
    Generate,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent_and_every_setting_has_a_variable_of_its_name() {
        command().debug_assert();
        for argument in command().get_arguments() {
            let (Some(flag), Some(variable)) = (argument.get_long(), argument.get_env()) else {
                continue;
            };
            let expected = format!("ATTO_SIGNER_{}", flag.to_ascii_uppercase().replace('-', "_"));
            assert_eq!(variable.to_str(), Some(expected.as_str()));
        }
        let variables = |command: clap::Command| command.get_arguments().filter_map(clap::Arg::get_env).count();
        assert_eq!(
            variables(command()) - variables(VendorArguments::augment_args(clap::Command::new("vendors"))),
            25
        );
        // Read once by this program's own code, and wiped.
        let read_by_clap = parser();
        let mut read_by_clap = read_by_clap.get_arguments().filter_map(clap::Arg::get_env);
        assert!(read_by_clap.all(|variable| SECRETS.iter().all(|(_, secret)| variable != *secret)));
    }
}
