//! Restrictions beyond the capabilities.

use kube::KubeSchema;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cel_rules;

/// Rules that the signer checks on every request, from any client. Each is off unless set.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Policy {
    /// Networks whose blocks are signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub networks: Option<Vec<Network>>,

    /// Types of block that are signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub block_types: Option<Vec<BlockType>>,

    /// The largest amount of one SEND block, in raw units, as a decimal string up to `18000000000000000000`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 20))]
    #[x_kube(validation = cel_rules::amount())]
    pub max_amount_per_send: Option<String>,

    /// Addresses to which SEND blocks may go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64), inner(length(max = 68)))]
    #[x_kube(merge_strategy = ListMerge::Set, validation = cel_rules::addresses())]
    pub allowed_receivers: Option<Vec<String>>,

    /// The only representative that OPEN and CHANGE blocks may name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 68))]
    #[x_kube(validation = cel_rules::address())]
    pub representative: Option<String>,

    /// The largest difference, in seconds, between the timestamp of a non-final vote and the signer's clock when the vote is first
    /// requested. A vote that was requested in time is also signed after an outage of the key service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 86400))]
    pub vote_time_window_seconds: Option<i32>,

    /// The prefix that the URI in a challenge must have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    #[x_kube(validation = cel_rules::challenge_uri_prefix())]
    pub challenge_uri_prefix: Option<String>,
}

/// An Atto network.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Network {
    Live,
    Beta,
    Dev,
    Local,
}

impl Network {
    /// The value as `ATTO_SIGNER_POLICY_NETWORKS` takes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Live => "LIVE",
            Self::Beta => "BETA",
            Self::Dev => "DEV",
            Self::Local => "LOCAL",
        }
    }
}

/// A type of block.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum BlockType {
    Open,
    Receive,
    Send,
    Change,
}

impl BlockType {
    /// The value as `ATTO_SIGNER_POLICY_BLOCK_TYPES` takes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "OPEN",
            Self::Receive => "RECEIVE",
            Self::Send => "SEND",
            Self::Change => "CHANGE",
        }
    }
}
