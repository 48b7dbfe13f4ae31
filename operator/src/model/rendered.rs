//! The wanted objects for one Deployment.

use serde_json::Value;

use crate::model::identity::PodIdentity;
use crate::model::injection::DeploymentRef;
use crate::model::reason::Reason;

/// The wanted objects for one Deployment.
#[derive(Clone, Debug, PartialEq)]
pub struct Rendered {
    pub target: DeploymentRef,
    pub node_container: String,
    /// The value of the template's annotation.
    pub hash: String,
    /// The body of the server-side apply: the operator's fields and nothing else.
    pub deployment: Value,
    pub service: Value,
    /// The wanted state of the pods' ServiceAccount.
    pub identity: PodIdentity,
    /// Why writing this needs an approval.
    pub needs_approval: Option<Reason>,
}
