//! How the pods of a Deployment prove their identity, and which manager wrote the annotation of their ServiceAccount.

use crds::names::{FIELD_MANAGER, GCP_ACCOUNT_ANNOTATION};
use serde_json::Value;

/// How the pods of a Deployment get their identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PodIdentity {
    /// The key is in a Secret.
    NotNeeded,
    /// The Deployment does not exist yet, so the ServiceAccount is unknown.
    NotKnown,
    /// Only the signer has a token of the ServiceAccount, which the key service accepts.
    Projected { account: String },
    /// The key is granted to the pods' own identity.
    Direct {
        account: String,
        /// The account that the ServiceAccount acts as in any case.
        annotated: Option<String>,
    },
    /// The pods act as a Google service account, which the annotation of their ServiceAccount names.
    ActsAs {
        account: String,
        google: String,
        /// Whether the annotation exists.
        is_annotated: bool,
    },
}

/// Whether server-side apply records the annotation as the operator's.
pub fn is_ours(live: &Value) -> bool {
    all_holders(live).any(|(manager, operation)| manager == FIELD_MANAGER && operation == "Apply")
}

/// The field managers of the annotation, with their operation.
pub fn all_holders(live: &Value) -> impl Iterator<Item = (&str, &str)> {
    let entries = live["metadata"]["managedFields"].as_array().into_iter().flatten();
    let holds = |entry: &&Value| {
        let fields = &entry["fieldsV1"]["f:metadata"]["f:annotations"];
        !fields[format!("f:{GCP_ACCOUNT_ANNOTATION}")].is_null()
    };
    entries.filter(holds).map(|entry| {
        let text = |field: &str| entry[field].as_str().unwrap_or_default();
        (text("manager"), text("operation"))
    })
}
