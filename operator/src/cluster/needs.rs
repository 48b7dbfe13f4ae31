//! Who needs what of the ServiceAccounts of a namespace, read afresh: nothing is taken away on the word of a watch.

use crds::SignerBinding;
use kube::api::{Api, ListParams};
use kube::core::DeserializeGuard;

use super::{Cluster, deadline};
use crate::model::deployment::LiveDeployment;
use crate::model::error::Error;
use crate::model::needs::Needs;

impl Cluster {
    /// Lists the bindings and the Deployments of the namespace. Only for an account that is about to be changed.
    ///
    /// # Errors
    /// Fails if the API server does not answer.
    pub async fn needs(&self, namespace: &str) -> Result<Needs, Error> {
        let bindings: Api<DeserializeGuard<SignerBinding>> = Api::namespaced(self.client(), namespace);
        let all = ListParams::default();
        let bindings = deadline("list the SignerBindings", bindings.list(&all)).await?;
        let deployments = deadline("list the Deployments", self.deployments(namespace).list(&all)).await?;
        let deployments: Vec<_> = deployments
            .into_iter()
            .map(|object| serde_json::to_value(object).map(LiveDeployment::new))
            .collect::<Result<_, _>>()
            .map_err(Error::Encode)?;
        Ok(Needs::of(&bindings.items, &deployments))
    }
}
