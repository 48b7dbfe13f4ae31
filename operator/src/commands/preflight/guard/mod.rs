//! Which parts of the guard are active.

mod exempt;
mod pieces;

use kube::api::{DynamicObject, GroupVersionKind, ListParams};
use kube::discovery::ApiResource;
use kube::{Api, Client};
use serde_json::Value;

use self::pieces::ABOUT;
use super::finding::{Finding, Verdict, unavailable};
use crate::commands::patient::patiently;
use crate::model::error::Error;
use crate::model::scope::Scope;

/// A line for each part of the guard: active, missing, or not possible in this cluster.
pub async fn examine(client: &Client, scope: &Scope, minor: u32) -> Vec<Finding> {
    match policies(client).await {
        Ok((policies, loose)) => {
            let mut findings = pieces::examine(&policies, minor);
            findings.extend(loose);
            findings.extend(exempt::examine(client, scope, &policies).await);
            findings
        }
        Err(error) if error.is_forbidden() && *scope != Scope::Cluster => {
            let text = "not checked, because reading the policies needs a ClusterRole; with such rights, `kubectl get validatingadmissionpolicies` shows them";
            vec![Finding::new(Verdict::Warning, ABOUT, text)]
        }
        Err(error) => vec![unavailable(ABOUT, &error)],
    }
}

/// The policies of both kinds that have a binding, without which a policy has no effect; and a finding for each binding whose
/// policy does not exist.
async fn policies(client: &Client) -> Result<(Vec<pieces::Policy>, Vec<Finding>), Error> {
    let (mut all, mut loose) = (Vec::new(), Vec::new());
    for kind in ["ValidatingAdmissionPolicy", "MutatingAdmissionPolicy"] {
        let policies = list(client, kind).await?;
        let bindings = if policies.is_empty() {
            Vec::new()
        } else {
            list(client, &format!("{kind}Binding")).await?
        };
        loose.extend(pieces::loose(kind, &policies, &bindings));
        all.extend(
            policies
                .into_iter()
                .filter_map(|policy| pieces::Policy::bound(policy, &bindings)),
        );
    }
    Ok((all, loose))
}

/// All objects of a kind. None if the API server does not serve the kind.
async fn list(client: &Client, kind: &str) -> Result<Vec<Value>, Error> {
    let kind = GroupVersionKind::gvk("admissionregistration.k8s.io", "v1", kind);
    let plural = if kind.kind.ends_with("Policy") {
        kind.kind.to_lowercase().replace("policy", "policies")
    } else {
        format!("{}s", kind.kind.to_lowercase())
    };
    let resource = ApiResource::from_gvk_with_plural(&kind, &plural);
    let api: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
    let listed = patiently("list the admission policies", async || {
        api.list(&ListParams::default()).await
    })
    .await;
    let found = match listed {
        Ok(found) => found,
        Err(error) if error.is_not_found() => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    found
        .items
        .into_iter()
        .map(|item| serde_json::to_value(item).map_err(Error::Encode))
        .collect()
}
