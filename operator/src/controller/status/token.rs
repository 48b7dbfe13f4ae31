//! What should be known where the signer has a token of its own: who else can have one that the key service takes.

use crds::conditions::warnings;
use crds::names::{IDENTITY_VOLUME, SIGNER_CONTAINER};
use serde_json::Value;

use crate::backends::Noted;
use crate::model::deployment::{ContainerList, LiveDeployment};
use crate::model::observed::Observed;
use crate::model::surroundings::Surroundings;

/// What an API server takes where it is not told otherwise, in addition to its issuer.
const OF_API_SERVERS: [&str; 3] = [
    "https://kubernetes.default.svc",
    "https://kubernetes.default.svc.cluster.local",
    "kubernetes.default.svc",
];

/// The warning of a binding whose token the API server takes as well.
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
    // With the API server's audience that token is no harmless one, and the warning above says so.
    let harmless = (!is_the_servers(observed, audience))
        .then(|| automounted(live))
        .flatten();
    let all = [shared(observed, live), elsewhere(live, audience), harmless];
    all.into_iter().flatten().collect()
}

fn shared(observed: &Observed, live: &LiveDeployment) -> Option<Noted> {
    let name = live.service_account();
    let account = observed.accounts.iter().find(|account| account.name == name);
    let outsider = account.and_then(|account| account.outsider.as_ref());
    let who = match outsider {
        Some(pod) => format!("Pod {pod} also uses ServiceAccount {name}, and anyone who creates such a pod"),
        None if name == "default" => {
            "Any pod of the namespace may use ServiceAccount default, and anyone who creates one".to_owned()
        }
        None => return None,
    };
    Some((
        warnings::IDENTITY_SHARED,
        format!(
            "{who} can get a token with which the key service allows use of the key. Give Deployment {} a ServiceAccount of its own (spec.template.spec.serviceAccountName)",
            live.name()
        ),
    ))
}

/// A token for the same audience in another volume, which another container has.
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
