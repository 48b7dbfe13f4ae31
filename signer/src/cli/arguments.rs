use std::ffi::OsString;

use clap::{Args, CommandFactory, Parser, Subcommand};

/// The whole command line, with every variable that the signer knows.
pub fn command() -> clap::Command {
    Arguments::command()
}

/// Serves Atto's signing API with one key. Without a command it serves.
#[derive(Parser)]
#[command(name = "signer", version)]
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
    /// Where the signing API listens: `localhost` (both loopback addresses) or an IP address [default: all addresses]
    #[arg(long, env = "ATTO_SIGNER_ADDRESS", hide_env_values = true)]
    pub address: Option<OsString>,
    /// The token that requests have to carry
    #[arg(long, env = "ATTO_SIGNER_TOKEN", hide_env_values = true)]
    pub token: Option<OsString>,
    /// A file with the tokens of which requests have to carry one, one on each line; may change at any time
    #[arg(long, env = "ATTO_SIGNER_TOKEN_FILE", hide_env_values = true)]
    pub token_file: Option<OsString>,
    /// What may be signed: some of BLOCK, CHALLENGE, VOTE, separated by commas
    #[arg(long, env = "ATTO_SIGNER_CAPABILITIES", hide_env_values = true)]
    pub capabilities: Option<OsString>,
    /// The public key (hexadecimal or atto://) without which the signer does not start
    #[arg(long, env = "ATTO_SIGNER_EXPECTED_PUBLIC_KEY", hide_env_values = true)]
    pub expected_public_key: Option<OsString>,
    /// GCP: how long a request may take before it is answered with 429 [default: 900ms]
    #[arg(long, env = "ATTO_SIGNER_DEADLINE", hide_env_values = true)]
    pub deadline: Option<OsString>,
    /// GCP: how long a missing permission or key is waited for at the start [default: 10m]
    #[arg(long, env = "ATTO_SIGNER_STARTUP_TIMEOUT", hide_env_values = true)]
    pub startup_timeout: Option<OsString>,
    /// Worker threads of the signing API [default: 2]
    #[arg(long, env = "ATTO_SIGNER_THREADS", hide_env_values = true)]
    pub threads: Option<OsString>,
    #[command(flatten)]
    pub policy: PolicyArguments,
    /// What is written down, as lines of JSON: decisions (all but signed votes, which are one line a minute), all or off
    /// [default: decisions]
    #[arg(long, env = "ATTO_SIGNER_AUDIT", hide_env_values = true)]
    pub audit: Option<OsString>,
    /// Where it is written down; may be moved away at any time [default: the standard output stream]
    #[arg(long, env = "ATTO_SIGNER_AUDIT_FILE", hide_env_values = true)]
    pub audit_file: Option<OsString>,
    /// How much is logged: off, error, warn, info, debug or trace [default: info]
    #[arg(long, env = "ATTO_SIGNER_LOG", hide_env_values = true)]
    pub log: Option<OsString>,
}

/// Where the key is.
#[derive(Args)]
pub struct KeyArguments {
    /// Where the key is: GCP or LOCAL
    #[arg(long, env = "ATTO_SIGNER_BACKEND", hide_env_values = true)]
    pub backend: Option<OsString>,
    /// GCP: the name of the key version; LOCAL: the private key, 64 hexadecimal digits
    #[arg(long, env = "ATTO_SIGNER_KEY", hide_env_values = true)]
    pub key: Option<OsString>,
    /// LOCAL: a file that holds the private key
    #[arg(long, env = "ATTO_SIGNER_KEY_FILE", hide_env_values = true)]
    pub key_file: Option<OsString>,
    /// GCP: another address of KMS; plain http on loopback goes without credentials, for tests
    #[arg(long, env = "ATTO_SIGNER_GCP_ENDPOINT", hide_env_values = true)]
    pub gcp_endpoint: Option<OsString>,
}

/// Where health, metrics and information are.
#[derive(Args)]
pub struct ManagementArguments {
    /// Port of health and metrics [default: 9091]
    #[arg(long, env = "ATTO_SIGNER_MANAGEMENT_PORT", hide_env_values = true)]
    pub management_port: Option<OsString>,
    /// Where health and metrics listen: `localhost` or an IP address [default: all addresses]
    #[arg(long, env = "ATTO_SIGNER_MANAGEMENT_ADDRESS", hide_env_values = true)]
    pub management_address: Option<OsString>,
}

/// What is forbidden beyond kinds and key.
#[derive(Args)]
pub struct PolicyArguments {
    /// Blocks: only of these networks, some of LIVE, BETA, DEV, LOCAL, separated by commas
    #[arg(long, env = "ATTO_SIGNER_POLICY_NETWORKS", hide_env_values = true)]
    pub policy_networks: Option<OsString>,
    /// Blocks: only of these types, some of OPEN, RECEIVE, SEND, CHANGE, separated by commas
    #[arg(long, env = "ATTO_SIGNER_POLICY_BLOCK_TYPES", hide_env_values = true)]
    pub policy_block_types: Option<OsString>,
    /// Blocks: no SEND of more than this, in raw units
    #[arg(long, env = "ATTO_SIGNER_POLICY_MAX_AMOUNT_PER_SEND", hide_env_values = true)]
    pub policy_max_amount_per_send: Option<OsString>,
    /// Blocks: no SEND to others than these addresses, at most 64, separated by commas
    #[arg(long, env = "ATTO_SIGNER_POLICY_ALLOWED_RECEIVERS", hide_env_values = true)]
    pub policy_allowed_receivers: Option<OsString>,
    /// Blocks: OPEN and CHANGE only with this representative
    #[arg(long, env = "ATTO_SIGNER_POLICY_REPRESENTATIVE", hide_env_values = true)]
    pub policy_representative: Option<OsString>,
    /// Votes: only with a timestamp this near to now, such as 60s; final votes always
    #[arg(long, env = "ATTO_SIGNER_POLICY_VOTE_TIME_WINDOW", hide_env_values = true)]
    pub policy_vote_time_window: Option<OsString>,
    /// Challenges: only those that start with this text
    #[arg(long, env = "ATTO_SIGNER_POLICY_CHALLENGE_URI_PREFIX", hide_env_values = true)]
    pub policy_challenge_uri_prefix: Option<OsString>,
}

#[derive(Subcommand)]
pub enum Command {
    /// Asks a running signer for its health: exits with 0, or with 69 and the reason
    Healthcheck {
        /// Ask whether it is ready, not only whether it is alive
        #[arg(long)]
        ready: bool,
        #[command(flatten)]
        management: ManagementArguments,
    },
    /// Prints the public key and the address
    PublicKey {
        #[command(flatten)]
        key: KeyArguments,
    },
    /// Tries everything that signing needs, a line each, and tells how long ten signatures take
    Preflight {
        #[command(flatten)]
        key: KeyArguments,
        /// The public key (hexadecimal or atto://) that it has to be
        #[arg(long, env = "ATTO_SIGNER_EXPECTED_PUBLIC_KEY", hide_env_values = true)]
        expected_public_key: Option<OsString>,
    },
    /// Makes private keys for LOCAL
    Key {
        #[command(subcommand)]
        command: KeyCommand,
    },
    /// Makes tokens
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
        assert_eq!(
            command()
                .get_arguments()
                .filter(|argument| argument.get_env().is_some())
                .count(),
            25
        );
    }
}
