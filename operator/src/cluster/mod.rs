//! The only access to the API server. Every request of a reconcile has a deadline, and users' objects are read as untyped JSON.

pub mod audiences;
pub mod boottime;
pub mod claims;
pub mod connect;
mod expired;
pub mod fence;
pub mod issuer;
pub mod liveness;
mod needs;
mod pacing;
mod retry_after;
pub mod stores;
pub mod timeouts;

use std::future::Future;
use std::time::Duration;

use crds::SignerBinding;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Pod, Service, ServiceAccount};
use kube::Client;
use kube::api::{Api, DynamicObject, ListParams};
use kube::core::DeserializeGuard;
use kube::discovery::ApiResource;
use serde_json::Value;

use crate::model::deployment::LiveDeployment;
use crate::model::error::Error;

/// Deadline of a single request of a reconcile.
pub const CALL_DEADLINE: Duration = Duration::from_secs(10);

/// The API server.
#[derive(Clone)]
pub struct Cluster {
    client: Client,
}

impl Cluster {
    /// Uses this client.
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    /// The client for typed objects.
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// Reads a Deployment as it is.
    ///
    /// # Errors
    /// Fails if the API server does not answer.
    pub async fn deployment(&self, namespace: &str, name: &str) -> Result<Option<LiveDeployment>, Error> {
        let api = self.deployments(namespace);
        let found = deadline("get the Deployment", api.get_opt(name)).await?;
        found.as_ref().map(live).transpose()
    }

    /// The bindings of a namespace as the API server has them now, including those that cannot be read.
    ///
    /// # Errors
    /// Fails if the API server does not answer.
    pub async fn bindings(&self, namespace: &str) -> Result<Vec<DeserializeGuard<SignerBinding>>, Error> {
        let api: Api<DeserializeGuard<SignerBinding>> = Api::namespaced(self.client(), namespace);
        let found = deadline("list the SignerBindings", api.list(&ListParams::default())).await?;
        Ok(found.items)
    }

    /// The Deployments of a namespace, as untyped JSON.
    pub fn deployments(&self, namespace: &str) -> Api<DynamicObject> {
        Api::namespaced_with(self.client(), namespace, &ApiResource::erase::<Deployment>(&()))
    }

    /// The Services of a namespace, as untyped JSON.
    pub fn services(&self, namespace: &str) -> Api<DynamicObject> {
        Api::namespaced_with(self.client(), namespace, &ApiResource::erase::<Service>(&()))
    }

    /// The pods of a namespace, as untyped JSON.
    pub fn pods(&self, namespace: &str) -> Api<DynamicObject> {
        Api::namespaced_with(self.client(), namespace, &ApiResource::erase::<Pod>(&()))
    }

    /// The metadata of a ServiceAccount, which is all that the operator needs of it.
    ///
    /// # Errors
    /// Fails if the API server does not answer.
    pub async fn account(&self, namespace: &str, name: &str) -> Result<Option<Value>, Error> {
        let api: Api<ServiceAccount> = Api::namespaced(self.client(), namespace);
        let found = deadline("get the ServiceAccount", api.get_metadata_opt(name)).await?;
        found.map(serde_json::to_value).transpose().map_err(Error::Encode)
    }
}

/// Parses a Deployment that was read or written as untyped JSON.
///
/// # Errors
/// The object is not JSON, which cannot happen with an answer of the API server.
pub fn live(object: &DynamicObject) -> Result<LiveDeployment, Error> {
    serde_json::to_value(object)
        .map(LiveDeployment::new)
        .map_err(Error::Encode)
}

/// Runs a request under the deadline for requests of a reconcile.
///
/// # Errors
/// The request's own error, or a timeout.
pub async fn deadline<T>(
    attempt: &'static str,
    request: impl Future<Output = Result<T, kube::Error>>,
) -> Result<T, Error> {
    within(CALL_DEADLINE, attempt, request).await
}

/// Runs a request under a given deadline.
///
/// # Errors
/// The request's own error, or a timeout.
pub async fn within<T>(
    limit: Duration,
    attempt: &'static str,
    request: impl Future<Output = Result<T, kube::Error>>,
) -> Result<T, Error> {
    liveness::asked();
    let answer = tokio::time::timeout(limit, request).await;
    liveness::asked();
    match answer {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(source)) => Err(Error::Request {
            attempt,
            source: Box::new(source),
        }),
        Err(_) => Err(Error::Deadline {
            attempt,
            seconds: limit.as_secs(),
        }),
    }
}
