//! What is wanted of the cluster for one Deployment.

use serde_json::Value;

use crate::model::identity::PodIdentity;
use crate::model::injection::DeploymentRef;
use crate::model::reason::Reason;

/// What is wanted of the cluster for one Deployment.
#[derive(Clone, Debug, PartialEq)]
pub struct Rendered {
    pub target: DeploymentRef,
    pub node_container: String,
    /// What the template's annotation says.
    pub hash: String,
    /// The body of the server-side apply: what we add and nothing else.
    pub deployment: Value,
    pub service: Value,
    /// What the pods' ServiceAccount has to say.
    pub identity: PodIdentity,
    /// Why it takes somebody's word to write this.
    pub needs_approval: Option<Reason>,
}
