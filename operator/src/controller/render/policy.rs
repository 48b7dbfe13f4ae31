//! The signer's rules in its own format: comma-separated lists, times with a unit.

use crds::{BlockType, Network, Policy};
use serde_json::{Value, json};

/// One variable for each rule that is set. Lists are sets, so they are sorted, whatever the binding's order is.
pub fn variables(policy: &Policy) -> Vec<Value> {
    let Policy {
        networks,
        block_types,
        max_amount_per_send,
        allowed_receivers,
        representative,
        vote_time_window_seconds,
        challenge_uri_prefix,
    } = policy;
    let values = [
        (
            "NETWORKS",
            networks
                .as_ref()
                .map(|list| set(list.iter().copied().map(Network::as_str))),
        ),
        (
            "BLOCK_TYPES",
            block_types
                .as_ref()
                .map(|list| set(list.iter().copied().map(BlockType::as_str))),
        ),
        ("MAX_AMOUNT_PER_SEND", max_amount_per_send.clone()),
        (
            "ALLOWED_RECEIVERS",
            allowed_receivers
                .as_ref()
                .map(|list| set(list.iter().map(String::as_str))),
        ),
        ("REPRESENTATIVE", representative.clone()),
        (
            "VOTE_TIME_WINDOW",
            vote_time_window_seconds.map(|seconds| format!("{seconds}s")),
        ),
        // The kubelet would replace `$(NAME)` with the value of another variable.
        (
            "CHALLENGE_URI_PREFIX",
            challenge_uri_prefix.as_ref().map(|prefix| prefix.replace('$', "$$")),
        ),
    ];
    values
        .into_iter()
        .filter_map(|(rule, value)| Some(json!({ "name": format!("ATTO_SIGNER_POLICY_{rule}"), "value": value? })))
        .collect()
}

fn set<'a>(items: impl Iterator<Item = &'a str>) -> String {
    let mut items: Vec<_> = items.collect();
    items.sort_unstable();
    items.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_is_its_variable_and_none_is_there_unless_set() {
        assert!(variables(&Policy::default()).is_empty());
        let policy: Policy = serde_json::from_value(json!({
            "networks": ["LIVE", "BETA"],
            "blockTypes": ["RECEIVE", "CHANGE"],
            "maxAmountPerSend": "18000000000000000000",
            "allowedReceivers": ["atto://b", "atto://a"],
            "representative": "atto://r",
            "voteTimeWindowSeconds": 60,
            "challengeUriPrefix": "ws://$(ATTO_SIGNER_TOKEN)",
        }))
        .unwrap();
        let found: Vec<_> = variables(&policy)
            .iter()
            .map(|variable| {
                let text = |field: &str| variable[field].as_str().unwrap_or_default().to_owned();
                format!("{}={}", text("name"), text("value"))
            })
            .collect();
        assert_eq!(
            found,
            [
                "ATTO_SIGNER_POLICY_NETWORKS=BETA,LIVE",
                "ATTO_SIGNER_POLICY_BLOCK_TYPES=CHANGE,RECEIVE",
                "ATTO_SIGNER_POLICY_MAX_AMOUNT_PER_SEND=18000000000000000000",
                "ATTO_SIGNER_POLICY_ALLOWED_RECEIVERS=atto://a,atto://b",
                "ATTO_SIGNER_POLICY_REPRESENTATIVE=atto://r",
                "ATTO_SIGNER_POLICY_VOTE_TIME_WINDOW=60s",
                "ATTO_SIGNER_POLICY_CHALLENGE_URI_PREFIX=ws://$$(ATTO_SIGNER_TOKEN)",
            ]
        );
    }
}
