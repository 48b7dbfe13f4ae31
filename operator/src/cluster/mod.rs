//! The one door to the API server: every request of a reconcile has a deadline, and objects of users are read without a type.

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

/// No single request may hold a reconcile longer.
pub const CALL_DEADLINE: Duration = Duration::from_secs(10);

/// The API server.
#[derive(Clone)]
pub struct Cluster {
    client: Client,
}

impl Cluster {
    /// Asks by this client.
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    /// What typed objects are read and written by.
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

    /// The bindings of a namespace as the API server has them now, also those that cannot be read.
    ///
    /// # Errors
    /// Fails if the API server does not answer.
    pub async fn bindings(&self, namespace: &str) -> Result<Vec<DeserializeGuard<SignerBinding>>, Error> {
        let api: Api<DeserializeGuard<SignerBinding>> = Api::namespaced(self.client(), namespace);
        let found = deadline("list the SignerBindings", api.list(&ListParams::default())).await?;
        Ok(found.items)
    }

    /// The Deployments of a namespace, without a type.
    pub fn deployments(&self, namespace: &str) -> Api<DynamicObject> {
        Api::namespaced_with(self.client(), namespace, &ApiResource::erase::<Deployment>(&()))
    }

    /// The Services of a namespace, without a type.
    pub fn services(&self, namespace: &str) -> Api<DynamicObject> {
        Api::namespaced_with(self.client(), namespace, &ApiResource::erase::<Service>(&()))
    }

    /// The pods of a namespace, without a type.
    pub fn pods(&self, namespace: &str) -> Api<DynamicObject> {
        Api::namespaced_with(self.client(), namespace, &ApiResource::erase::<Pod>(&()))
    }

    /// The metadata of a ServiceAccount, where what matters stands.
    ///
    /// # Errors
    /// Fails if the API server does not answer.
    pub async fn account(&self, namespace: &str, name: &str) -> Result<Option<Value>, Error> {
        let api: Api<ServiceAccount> = Api::namespaced(self.client(), namespace);
        let found = deadline("get the ServiceAccount", api.get_metadata_opt(name)).await?;
        found.map(serde_json::to_value).transpose().map_err(Error::Encode)
    }
}

/// A Deployment that was read or written without a type.
///
/// # Errors
/// It is no JSON, which what the API server has sent always is.
pub fn live(object: &DynamicObject) -> Result<LiveDeployment, Error> {
    serde_json::to_value(object)
        .map(LiveDeployment::new)
        .map_err(Error::Encode)
}

/// Runs one request under the deadline that every request of a reconcile has.
///
/// # Errors
/// The request's own error, or that it took too long.
pub async fn deadline<T>(
    attempt: &'static str,
    request: impl Future<Output = Result<T, kube::Error>>,
) -> Result<T, Error> {
    within(CALL_DEADLINE, attempt, request).await
}

/// Runs one request under a deadline.
///
/// # Errors
/// The request's own error, or that it took too long.
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
