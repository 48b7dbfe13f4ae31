//! The rules, each off unless set.

use std::time::Duration;

use super::{arguments::PolicyArguments, parse};
use crate::{
    policy::Rules,
    protocol::{BlockKind, MAX_AMOUNT, Network, PublicKey},
    settings::{ConfigError, Errors, Setting, excerpt, text},
};

const MAX_RECEIVERS: usize = 64;
const MAX_PREFIX: usize = 256;

impl Rules {
    /// Checks all of them, and reports all errors together.
    pub fn read(arguments: &PolicyArguments) -> Result<Self, Errors> {
        let PolicyArguments {
            policy_networks,
            policy_block_types,
            policy_max_amount_per_send,
            policy_allowed_receivers,
            policy_representative,
            policy_vote_time_window,
            policy_challenge_uri_prefix,
        } = arguments;
        let mut errors = Errors::default();
        let rules = Self {
            networks: errors.take(networks(policy_networks.as_ref())).flatten(),
            block_types: errors.take(block_types(policy_block_types.as_ref())).flatten(),
            max_amount_per_send: errors.take(amount(policy_max_amount_per_send.as_ref())).flatten(),
            allowed_receivers: errors.take(receivers(policy_allowed_receivers.as_ref())).flatten(),
            representative: errors.take(representative(policy_representative.as_ref())).flatten(),
            vote_time_window: errors.take(window(policy_vote_time_window.as_ref())).flatten(),
            challenge_uri_prefix: errors.take(prefix(policy_challenge_uri_prefix.as_ref())).flatten(),
        };
        if errors.is_empty() { Ok(rules) } else { Err(errors) }
    }
}

/// Parses every item of a comma-separated list.
fn list<T>(
    variable: &'static str,
    value: Setting<'_>,
    expected: &'static str,
    read: impl Fn(&str) -> Option<T>,
) -> Result<Option<Vec<T>>, ConfigError> {
    let Some(text) = text(variable, value, expected)? else {
        return Ok(None);
    };
    let items = text.split(',').map(str::trim).map(|item| {
        let found = || {
            if item.is_empty() {
                "an empty item".to_owned()
            } else {
                excerpt(item)
            }
        };
        read(item).ok_or_else(|| ConfigError::new(variable, found(), expected))
    });
    items.collect::<Result<_, _>>().map(Some)
}

fn networks(value: Setting<'_>) -> Result<Option<Vec<Network>>, ConfigError> {
    const EXPECTED: &str = "some of LIVE, BETA, DEV, LOCAL, separated by commas";
    list("ATTO_SIGNER_POLICY_NETWORKS", value, EXPECTED, |item| {
        let mut all = Network::ALL.into_iter();
        all.find(|network| network.name().eq_ignore_ascii_case(item))
    })
}

fn block_types(value: Setting<'_>) -> Result<Option<Vec<&'static str>>, ConfigError> {
    const EXPECTED: &str = "some of OPEN, RECEIVE, SEND, CHANGE, separated by commas";
    list("ATTO_SIGNER_POLICY_BLOCK_TYPES", value, EXPECTED, |item| {
        BlockKind::NAMES
            .into_iter()
            .find(|name| name.eq_ignore_ascii_case(item))
    })
}

fn amount(value: Setting<'_>) -> Result<Option<u64>, ConfigError> {
    const VARIABLE: &str = "ATTO_SIGNER_POLICY_MAX_AMOUNT_PER_SEND";
    const EXPECTED: &str = "a whole number of raw units from 0 to 18000000000000000000";
    let Some(text) = text(VARIABLE, value, EXPECTED)? else {
        return Ok(None);
    };
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let amount = text.parse().ok().filter(|amount| is_number && *amount <= MAX_AMOUNT);
    amount
        .map(Some)
        .ok_or_else(|| ConfigError::new(VARIABLE, excerpt(text), EXPECTED))
}

fn receivers(value: Setting<'_>) -> Result<Option<Vec<PublicKey>>, ConfigError> {
    const VARIABLE: &str = "ATTO_SIGNER_POLICY_ALLOWED_RECEIVERS";
    const EXPECTED: &str = "at most 64 atto:// addresses or public keys of 64 hexadecimal digits, separated by commas";
    let receivers = list(VARIABLE, value, EXPECTED, account)?;
    match receivers {
        Some(receivers) if receivers.len() > MAX_RECEIVERS => {
            Err(ConfigError::new(VARIABLE, receivers.len().to_string(), EXPECTED))
        }
        receivers => Ok(receivers),
    }
}

fn representative(value: Setting<'_>) -> Result<Option<PublicKey>, ConfigError> {
    const VARIABLE: &str = "ATTO_SIGNER_POLICY_REPRESENTATIVE";
    const EXPECTED: &str = "an atto:// address or a public key of 64 hexadecimal digits";
    let Some(text) = text(VARIABLE, value, EXPECTED)? else {
        return Ok(None);
    };
    account(text)
        .map(Some)
        .ok_or_else(|| ConfigError::new(VARIABLE, excerpt(text), EXPECTED))
}

fn account(text: &str) -> Option<PublicKey> {
    parse::public_key(Some(&text.into())).ok().flatten()
}

fn window(value: Setting<'_>) -> Result<Option<Duration>, ConfigError> {
    const EXPECTED: &str = "a time from 1s to 24h, such as 60s";
    let limits = Duration::from_secs(1)..=Duration::from_hours(24);
    let window = parse::duration(
        "ATTO_SIGNER_POLICY_VOTE_TIME_WINDOW",
        value,
        Duration::ZERO,
        limits,
        EXPECTED,
    )?;
    Ok(value.map(|_| window))
}

fn prefix(value: Setting<'_>) -> Result<Option<String>, ConfigError> {
    const VARIABLE: &str = "ATTO_SIGNER_POLICY_CHALLENGE_URI_PREFIX";
    const EXPECTED: &str = "the start of a URI, at most 256 characters";
    let Some(text) = text(VARIABLE, value, EXPECTED)? else {
        return Ok(None);
    };
    if text.chars().count() > MAX_PREFIX {
        return Err(ConfigError::new(
            VARIABLE,
            format!("{} characters", text.chars().count()),
            EXPECTED,
        ));
    }
    Ok(Some(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESS: &str = "atto://aa5wuj54z23killcuounaktpbvzwkmqvo4o6eq5ghlaerimllhnctwl5g2ekm";

    fn read(set: &[(&str, &str)]) -> Result<Rules, String> {
        let value = |name: &str| {
            let found = set.iter().find(|(set, _)| *set == name);
            found.map(|(_, value)| (*value).into())
        };
        let arguments = PolicyArguments {
            policy_networks: value("NETWORKS"),
            policy_block_types: value("BLOCK_TYPES"),
            policy_max_amount_per_send: value("MAX_AMOUNT_PER_SEND"),
            policy_allowed_receivers: value("ALLOWED_RECEIVERS"),
            policy_representative: value("REPRESENTATIVE"),
            policy_vote_time_window: value("VOTE_TIME_WINDOW"),
            policy_challenge_uri_prefix: value("CHALLENGE_URI_PREFIX"),
        };
        Rules::read(&arguments).map_err(|errors| errors.to_string())
    }

    #[test]
    fn each_is_off_unless_set() {
        assert!(read(&[]).unwrap().is_empty());
        let key = account(ADDRESS).unwrap();
        let rules = read(&[
            ("NETWORKS", "live, BETA"),
            ("BLOCK_TYPES", "RECEIVE,change"),
            ("MAX_AMOUNT_PER_SEND", "18000000000000000000"),
            ("ALLOWED_RECEIVERS", ADDRESS),
            ("REPRESENTATIVE", ADDRESS),
            ("VOTE_TIME_WINDOW", "60s"),
            ("CHALLENGE_URI_PREFIX", "ws://"),
        ]);
        let expected = Rules {
            networks: Some(vec![Network::Live, Network::Beta]),
            block_types: Some(vec!["RECEIVE", "CHANGE"]),
            max_amount_per_send: Some(MAX_AMOUNT),
            allowed_receivers: Some(vec![key]),
            representative: Some(key),
            vote_time_window: Some(Duration::from_mins(1)),
            challenge_uri_prefix: Some("ws://".to_owned()),
        };
        assert_eq!(rules, Ok(expected));
    }

    #[test]
    fn a_wrong_rule_is_never_ignored() {
        let many = vec![ADDRESS; 65].join(",");
        let long = "x".repeat(257);
        for (name, value) in [
            ("NETWORKS", "LIVE,MAIN"),
            ("NETWORKS", ""),
            ("BLOCK_TYPES", "OPEN,,SEND"),
            ("MAX_AMOUNT_PER_SEND", "18000000000000000001"),
            ("MAX_AMOUNT_PER_SEND", "+1"),
            ("ALLOWED_RECEIVERS", "atto://aa"),
            ("ALLOWED_RECEIVERS", &many),
            ("REPRESENTATIVE", "nobody"),
            ("VOTE_TIME_WINDOW", "60"),
            ("VOTE_TIME_WINDOW", "25h"),
            ("CHALLENGE_URI_PREFIX", &long),
        ] {
            let errors = read(&[(name, value)]).unwrap_err();
            assert!(
                errors.starts_with(&format!("ATTO_SIGNER_POLICY_{name}: found ")),
                "{errors}"
            );
        }
    }
}
