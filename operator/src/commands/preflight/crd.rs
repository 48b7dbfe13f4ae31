use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{Api, Client};

use super::finding::{Finding, Verdict, unavailable};
use crate::cluster::deadline;
use crate::model::scope::Scope;

const ABOUT: &str = "crd";
const NAME: &str = "signerbindings.signer.atto.cash";
const REMEDY: &str = "`operator crd | kubectl apply --server-side --force-conflicts -f -`";

/// Whether the API server serves the kind, in the form that this version knows.
pub async fn examine(client: &Client, scope: &Scope) -> Finding {
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    let found = match deadline("read the CustomResourceDefinition", api.get_opt(NAME)).await {
        Ok(Some(found)) => found,
        Ok(None) => return missing(),
        // Reading it needs a ClusterRole, but everyone may see what the API server serves.
        Err(error) if error.is_forbidden() && *scope != Scope::Cluster => return served(client).await,
        Err(error) => return unavailable(ABOUT, &error),
    };
    let is_established = found.status.as_ref().is_some_and(|status| {
        let mut conditions = status.conditions.iter().flatten();
        conditions.any(|condition| condition.type_ == "Established" && condition.status == "True")
    });
    if !is_established {
        let text = format!("{NAME} is not established: see `kubectl describe crd {NAME}`");
        return Finding::new(Verdict::Unfit, ABOUT, text);
    }
    match serde_yaml::from_str::<CustomResourceDefinition>(crds::MANIFEST) {
        Ok(ours) if ours.spec.versions == found.spec.versions => {
            Finding::new(Verdict::Ok, ABOUT, format!("{NAME} is installed in this version"))
        }
        Ok(_) => {
            let text = format!(
                "{NAME}: found another version than this operator's; each of the two may lack fields of the other. Update it: {REMEDY}"
            );
            Finding::new(Verdict::Warning, ABOUT, text)
        }
        Err(error) => Finding::new(
            Verdict::Unfit,
            ABOUT,
            format!("this program's own manifest is broken: {error}"),
        ),
    }
}

async fn served(client: &Client) -> Finding {
    let found = deadline(
        "list the kinds of signer.atto.cash",
        client.list_api_group_resources("signer.atto.cash/v1alpha1"),
    );
    match found.await {
        Ok(_) => Finding::new(
            Verdict::Ok,
            ABOUT,
            format!("{NAME} is served. Its version was not checked, because that needs a ClusterRole"),
        ),
        Err(error) if error.is_not_found() => missing(),
        Err(error) => unavailable(ABOUT, &error),
    }
}

fn missing() -> Finding {
    let text = format!("found no CustomResourceDefinition {NAME}; install it: {REMEDY}");
    Finding::new(Verdict::Unfit, ABOUT, text)
}
