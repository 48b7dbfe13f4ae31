//! How the pods of a Deployment prove their identity, and which manager wrote the annotation of their ServiceAccount.

use crds::names::{FIELD_MANAGER, GCP_ACCOUNT_ANNOTATION};
use serde_json::Value;

/// What the identity of a Deployment's pods is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PodIdentity {
    /// The key is in a Secret.
    NotNeeded,
    /// There is no Deployment yet, so no ServiceAccount.
    NotKnown,
    /// The signer alone has a token of the ServiceAccount, which the key service takes.
    Projected { account: String },
    /// The key is granted to the pods' own identity.
    Direct {
        account: String,
        /// Whom the account acts as anyway.
        annotated: Option<String>,
    },
    /// The pods act as a Google service account, which the annotation of their ServiceAccount names.
    ActsAs {
        account: String,
        google: String,
        /// Whether the annotation is there.
        is_annotated: bool,
    },
}

/// Whether server-side apply has recorded the annotation as the operator's.
pub fn is_ours(live: &Value) -> bool {
    all_holders(live).any(|(manager, operation)| manager == FIELD_MANAGER && operation == "Apply")
}

/// The field managers of the annotation, and by which operation.
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
