//! Warnings for signers with a token of their own: who else can have a token that the key service accepts.

use crds::conditions::warnings;
use crds::names::{IDENTITY_VOLUME, SIGNER_CONTAINER};
use serde_json::Value;

use crate::backends::Noted;
use crate::model::deployment::{ContainerList, LiveDeployment};
use crate::model::observed::Observed;
use crate::model::surroundings::Surroundings;

/// Default audiences of API servers, in addition to the issuer.
const OF_API_SERVERS: [&str; 3] = [
    "https://kubernetes.default.svc",
    "https://kubernetes.default.svc.cluster.local",
    "kubernetes.default.svc",
];

/// The warning for a binding whose token the API server also accepts.
pub fn for_api_server(observed: &Observed, field: &str, audience: &str) -> Option<Noted> {
    is_the_servers(observed, audience).then(|| {
        (
            warnings::AUDIENCE_OF_API_SERVER,
            format!(
                "{field}: found the audience {audience}, which is that of this cluster's API server. The key service could use the signer's token there, and the token that each pod mounts by default would be accepted by the key service. Give the role and this binding another audience"
            ),
        )
    })
}

fn is_the_servers(observed: &Observed, audience: &str) -> bool {
    let Surroundings { issuer, audiences, .. } = &observed.surroundings;
    let is_told = issuer.iter().chain(audiences).any(|each| each == audience);
    is_told || OF_API_SERVERS.contains(&audience)
}

/// The warnings of one Deployment.
pub fn of_deployment(observed: &Observed, live: &LiveDeployment, audience: &str) -> Vec<Noted> {
    // With the API server's audience, that token is not harmless, which the warning above reports.
    let harmless = (!is_the_servers(observed, audience))
        .then(|| automounted(live))
        .flatten();
    let all = [shared(observed, live), elsewhere(live, audience), harmless];
    all.into_iter().flatten().collect()
}

/// Warnings for pods in which every container has the identity that the key is granted to.
pub fn of_the_pod(observed: &Observed, live: &LiveDeployment) -> Option<Noted> {
    shared(observed, live)
}

/// Other users of the ServiceAccount, actual or possible, and how to give the Deployment its own.
fn shared(observed: &Observed, live: &LiveDeployment) -> Option<Noted> {
    let name = live.service_account();
    let account = observed.accounts.iter().find(|account| account.name == name);
    let outsider = account.and_then(|account| account.outsider.as_ref());
    let who = match outsider {
        Some(pod) => format!("found the ServiceAccount {name}, which pod {pod} uses as well"),
        None if name == "default" => {
            "found the ServiceAccount default, which every pod of the namespace uses that names none".to_owned()
        }
        None => return None,
    };
    let deployment = live.name();
    Some((
        warnings::IDENTITY_SHARED,
        format!(
            "Deployment {deployment}: {who}, expected one of its own. With a grant to it, anyone who can create such a pod can use the key. {}",
            own_account(live)
        ),
    ))
}

/// The steps to a ServiceAccount that only this Deployment uses.
fn own_account(live: &LiveDeployment) -> String {
    let (account, namespace) = (account_for(live.name()), live.namespace());
    format!(
        "Run: kubectl create serviceaccount {account} --namespace {namespace}. Grant the key to it, then name it in the manifest (spec.template.spec.serviceAccountName: {account}), which replaces the pod, and revoke an earlier grant"
    )
}

/// The name in commands of a ServiceAccount for this Deployment alone.
pub fn account_for(deployment: &str) -> &str {
    match deployment {
        "default" => "voter",
        own => own,
    }
}

/// A token with the same audience in another volume that another container mounts.
fn elsewhere(live: &LiveDeployment, audience: &str) -> Option<Noted> {
    let is_a_key = |volume: &&Value| {
        let mut sources = volume["projected"]["sources"].as_array().into_iter().flatten();
        volume["name"] != IDENTITY_VOLUME && sources.any(|source| source["serviceAccountToken"]["audience"] == audience)
    };
    let volumes: Vec<_> = live.volumes().iter().filter(is_a_key).collect();
    let lists = [ContainerList::Containers, ContainerList::InitContainers];
    let containers = lists.into_iter().flat_map(|list| live.containers(list));
    let mut others = containers.filter(|container| container["name"] != SIGNER_CONTAINER);
    let (container, volume) = others.find_map(|container| {
        let mut mounts = container["volumeMounts"].as_array().into_iter().flatten();
        let mount = mounts.find(|mount| volumes.iter().any(|volume| volume["name"] == mount["name"]))?;
        Some((container["name"].as_str()?, mount["name"].as_str()?))
    })?;
    Some((
        warnings::TOKEN_IN_OTHER_CONTAINER,
        format!(
            "Container {container} mounts volume {volume}, a token of the same ServiceAccount for the audience {audience}: code in it can use the key without the signer. Remove the mount, or give that token another audience"
        ),
    ))
}

fn automounted(live: &LiveDeployment) -> Option<Noted> {
    let pod = &live.raw()["spec"]["template"]["spec"];
    (pod["automountServiceAccountToken"] != false).then(|| {
        (
            warnings::ACCOUNT_TOKEN_MOUNTED,
            "Unless the ServiceAccount disables it, each container of the pod gets a token for this cluster's API server. The key service refuses that token because of its audience, so the key is not at risk. If the node does not need the API server, set spec.template.spec.automountServiceAccountToken to false".to_owned(),
        )
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_token_for_the_same_audience_in_another_container_is_seen() {
        let volume = |name: &str, audience: &str| json!({"name": name, "projected": {"sources": [{"serviceAccountToken": {"audience": audience}}]}});
        let of = |mounted: &str| {
            let pod = json!({
                "volumes": [volume("signer-identity", "a"), volume("same", "a"), volume("other", "b")],
                "initContainers": [{"name": "signer", "volumeMounts": [{"name": "signer-identity"}]}],
                "containers": [{"name": "node", "volumeMounts": [{"name": mounted}]}],
            });
            let live = LiveDeployment::new(json!({"spec": {"template": {"spec": pod}}}));
            elsewhere(&live, "a").map(|(_, message)| message)
        };
        assert!(of("same").is_some_and(|message| message.contains("Container node mounts volume same")));
        assert_eq!(of("other"), None);
    }

    #[test]
    fn a_token_of_the_api_server_is_told_of_unless_it_is_not_mounted() {
        let of = |pod: Value| automounted(&LiveDeployment::new(json!({"spec": {"template": {"spec": pod}}}))).is_some();
        assert!(of(json!({})) && of(json!({"automountServiceAccountToken": true})));
        assert!(!of(json!({"automountServiceAccountToken": false})));
    }
}
