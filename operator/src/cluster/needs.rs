//! Determines who needs which annotation of the ServiceAccounts of a namespace. It asks the API server, because a watch
//! may be behind, and the operator must not remove an annotation that is needed.

use kube::api::ListParams;

use super::{Cluster, deadline, live};
use crate::model::error::Error;
use crate::model::needs::Needs;

impl Cluster {
    /// Lists the bindings and the Deployments of the namespace. Called only before an account is changed.
    ///
    /// # Errors
    /// Fails if the API server does not answer.
    pub async fn needs(&self, namespace: &str) -> Result<Needs, Error> {
        let bindings = self.bindings(namespace).await?;
        let deployments = self.deployments(namespace);
        let deployments = deadline("list the Deployments", deployments.list(&ListParams::default())).await?;
        let deployments: Vec<_> = deployments.iter().map(live).collect::<Result<_, _>>()?;
        Ok(Needs::of(&bindings, &deployments))
    }
}
