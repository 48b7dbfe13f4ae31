//! Who needs what of the ServiceAccounts of a namespace, read afresh: nothing is taken away on the word of a watch.

use kube::api::ListParams;

use super::{Cluster, deadline, live};
use crate::model::error::Error;
use crate::model::needs::Needs;

impl Cluster {
    /// Lists the bindings and the Deployments of the namespace. Only for an account that is about to be changed.
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
