use crds::names::GROUP;
use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec};
use kube::api::PostParams;
use kube::{Api, Client};

use super::finding::{Finding, Verdict, unavailable};
use crate::cluster::deadline;
use crate::leader::LEASE;
use crate::model::error::Error;
use crate::model::scope::Scope;

const ABOUT: &str = "permissions";
const TRIAL: &str = "trial";
const AT_ONCE: usize = 8;

/// A verb on a resource of an API group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permission {
    pub verb: &'static str,
    pub group: &'static str,
    /// In the plural, with a subresource after a slash.
    pub resource: &'static str,
}

const fn may(verb: &'static str, group: &'static str, resource: &'static str) -> Permission {
    Permission { verb, group, resource }
}

/// Needed in all watched namespaces.
pub const EVERYWHERE: &[Permission] = &[
    may("get", GROUP, "signerbindings"),
    may("list", GROUP, "signerbindings"),
    may("watch", GROUP, "signerbindings"),
    may("patch", GROUP, "signerbindings"),
    may("patch", GROUP, "signerbindings/status"),
    may("get", "apps", "deployments"),
    may("list", "apps", "deployments"),
    may("watch", "apps", "deployments"),
    may("patch", "apps", "deployments"),
    may("get", "apps", "replicasets"),
    may("list", "", "pods"),
    may("watch", "", "pods"),
    may("get", "", "services"),
    may("list", "", "services"),
    may("watch", "", "services"),
    may("create", "", "services"),
    may("patch", "", "services"),
    may("delete", "", "services"),
    may("get", "", "serviceaccounts"),
    may("list", "", "serviceaccounts"),
    may("watch", "", "serviceaccounts"),
    may("patch", "", "serviceaccounts"),
    may("get", "", "secrets"),
    may("get", "", "namespaces"),
    may("create", "events.k8s.io", "events"),
    may("patch", "events.k8s.io", "events"),
];

/// Needed in all watched namespaces, only for trying a pod before running pods are replaced. The operator works without it.
pub const TO_TRY_PODS: Permission = may("create", "", "pods");

/// Needs a ClusterRole even if Roles grant the rest: a namespace that is being deleted may lose its Role first, and its bindings
/// could not be released.
pub const OUTLASTS_A_ROLE: &[Permission] = &[
    may("get", GROUP, "signerbindings"),
    may("list", GROUP, "signerbindings"),
    may("watch", GROUP, "signerbindings"),
    may("patch", GROUP, "signerbindings"),
];

/// Needed in the operator's own namespace.
pub const OWN_NAMESPACE: &[Permission] = &[
    may("create", "coordination.k8s.io", "leases"),
    may("get", "coordination.k8s.io", "leases"),
    may("update", "coordination.k8s.io", "leases"),
];

/// Where each permission is needed: in one namespace, or everywhere.
fn needed<'a>(scope: &'a Scope, lease_namespace: &'a str) -> Vec<(Permission, Option<&'a str>)> {
    let own = OWN_NAMESPACE
        .iter()
        .map(|permission| (*permission, Some(lease_namespace)));
    let mut needed: Vec<_> = match scope {
        Scope::Cluster => EVERYWHERE.iter().map(|permission| (*permission, None)).collect(),
        Scope::Namespaces { names, strict } => {
            let everywhere = |permission: &&Permission| !strict && OUTLASTS_A_ROLE.contains(*permission);
            let cluster = EVERYWHERE
                .iter()
                .filter(everywhere)
                .map(|permission| (*permission, None));
            let each = names.iter().flat_map(|name| {
                let here = EVERYWHERE.iter().filter(move |permission| !everywhere(permission));
                here.map(move |permission| (*permission, Some(name.as_str())))
            });
            cluster.chain(each).collect()
        }
    };
    needed.extend(own);
    needed
}

/// Whether the user of this command has all permissions.
pub async fn examine(client: &Client, scope: &Scope, lease_namespace: &str) -> Finding {
    let all = needed(scope, lease_namespace);
    let asked = stream::iter(all.iter().copied().map(|(permission, namespace)| async move {
        let is_allowed = is_allowed(client, permission, namespace).await?;
        Ok::<_, Error>((permission, namespace, is_allowed))
    }));
    let answers: Vec<_> = match asked.buffered(AT_ONCE).try_collect().await {
        Ok(answers) => answers,
        Err(error) => return unavailable(ABOUT, &error),
    };
    let missing: Vec<String> = answers
        .iter()
        .filter(|(_, _, is_allowed)| !is_allowed)
        .map(|(Permission { verb, group, resource }, namespace, _)| {
            let dot = if group.is_empty() { "" } else { "." };
            let place = namespace.map(|name| format!(" in {name}")).unwrap_or_default();
            format!("{verb} {resource}{dot}{group}{place}")
        })
        .collect();
    if missing.is_empty() {
        return Finding::new(Verdict::Ok, ABOUT, format!("all {} are granted", answers.len()));
    }
    let text = format!(
        "the user of this command lacks: {}; the chart's roles grant them to the operator",
        missing.join(", ")
    );
    Finding::new(Verdict::Denied, ABOUT, text)
}

/// Whether the user may try a pod before running pods are replaced.
pub async fn examine_trial(client: &Client, scope: &Scope) -> Finding {
    let places: Vec<_> = match scope {
        Scope::Cluster => vec![None],
        Scope::Namespaces { names, .. } => names.iter().map(|name| Some(name.as_str())).collect(),
    };
    let mut missing = vec![];
    for place in places {
        match is_allowed(client, TO_TRY_PODS, place).await {
            Ok(true) => {}
            Ok(false) => missing.push(place.map_or_else(|| "any namespace".to_owned(), str::to_owned)),
            Err(error) => return unavailable(TRIAL, &error),
        }
    }
    if missing.is_empty() {
        return Finding::new(
            Verdict::Ok,
            TRIAL,
            "a pod can be tested before running pods are replaced",
        );
    }
    Finding::new(
        Verdict::Warning,
        TRIAL,
        format!(
            "the user of this command may not create pods in {}: a quota or a policy that refuses a pod with a signer shows only after the old pod is gone; the values tryBeforeRoll.enabled and guard.enabled of the chart grant this permission, for dry runs only",
            missing.join(", ")
        ),
    )
}

async fn is_allowed(client: &Client, permission: Permission, namespace: Option<&str>) -> Result<bool, Error> {
    let is_named = permission.group == "coordination.k8s.io" && permission.verb != "create";
    may_name(client, permission, namespace, is_named.then_some(LEASE)).await
}

/// Whether the user of this command has a permission for the object of this name.
pub async fn may_name(
    client: &Client,
    permission: Permission,
    namespace: Option<&str>,
    name: Option<&str>,
) -> Result<bool, Error> {
    let Permission { verb, group, resource } = permission;
    let (resource, subresource) = resource
        .split_once('/')
        .map_or((resource, None), |(one, sub)| (one, Some(sub)));
    let review = SelfSubjectAccessReview {
        spec: SelfSubjectAccessReviewSpec {
            resource_attributes: Some(ResourceAttributes {
                verb: Some(verb.to_owned()),
                group: Some(group.to_owned()),
                resource: Some(resource.to_owned()),
                subresource: subresource.map(str::to_owned),
                namespace: namespace.map(str::to_owned),
                name: name.map(str::to_owned),
                ..ResourceAttributes::default()
            }),
            non_resource_attributes: None,
        },
        ..SelfSubjectAccessReview::default()
    };
    let api: Api<SelfSubjectAccessReview> = Api::all(client.clone());
    let answer = deadline("ask for a permission", api.create(&PostParams::default(), &review)).await?;
    Ok(answer.status.is_some_and(|status| status.allowed))
}
