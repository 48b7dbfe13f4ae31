//! Shows which fields a removal would delete and keep, without writing.

use crds::names::{DEFAULT_NODE_CONTAINER, NODE_VARIABLES};

use super::{leftovers, nothing};
use crate::controller::apply::writer::Writer;
use crate::controller::apply::{conflict, deployment, diff, service};
use crate::model::deployment::{ContainerList, LiveDeployment};
use crate::model::error::{Error, refuses};
use crate::model::injection::DeploymentRef;

/// The effects of a removal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// The operator's lines that are removed.
    pub diff: String,
    /// Fields that a manifest contains, in words.
    pub stays: Vec<String>,
    /// Whether the operator's Service exists, which is deleted.
    pub has_service: bool,
}

/// Asks the API server for the result of the empty apply, and removes leftovers from it.
///
/// # Errors
/// Fails if the API server does not answer, or if the Deployment changed since it was read.
pub async fn of(writer: &Writer, live: &LiveDeployment) -> Result<Preview, Error> {
    let after = leftovers::cleared(live, &released(writer, live).await?);
    let pointed = live.ours().map(|ours| ours.containers_with_variables());
    let container = pointed.into_iter().flatten().next();
    let container = container.as_deref().unwrap_or(DEFAULT_NODE_CONTAINER);
    Ok(Preview {
        diff: diff::diff(live, &after, container),
        stays: stays(&after, container),
        has_service: service::ours(writer, &DeploymentRef::of(live)).await?.is_some(),
    })
}

async fn released(writer: &Writer, live: &LiveDeployment) -> Result<LiveDeployment, Error> {
    if live.ours().is_none() {
        return Ok(live.clone());
    }
    match deployment::try_out(writer, live, &nothing(&DeploymentRef::of(live)), false).await {
        Ok(after) => Ok(after),
        Err(error) => match error.response() {
            Some(status) if status.is_conflict() || conflict::is_another_object(status) => {
                Err(Error::Changed("the Deployment"))
            }
            // A refused apply is replaced by the JSON patch.
            Some(status) if refuses(status) => Ok(live.clone()),
            _ => Err(error),
        },
    }
}

fn stays(after: &LiveDeployment, container: &str) -> Vec<String> {
    let mut stays = vec![];
    if after.signer().is_some() {
        stays.push("init container signer".to_owned());
    }
    let env = after
        .container(ContainerList::Containers, container)
        .and_then(|container| container["env"].as_array().cloned())
        .unwrap_or_default();
    let variables = NODE_VARIABLES
        .iter()
        .filter(|name| env.iter().any(|entry| entry["name"] == **name));
    stays.extend(variables.map(|name| format!("{name} of container {container}")));
    stays.extend(leftovers::keys(after).map(|(map, key)| format!("{key} in the {map} of the pod template")));
    stays
}
