//! The operator uses every right that the chart gives, and no request of the operator is denied.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use operator::commands::preflight::permissions::{EVERYWHERE, OWN_NAMESPACE, Permission, TO_TRY_PODS};
use serde_json::json;
use tests::operated::{Operated, Place, SOON, VOTER, binding, voter, with};
use tests::{chart, eventually, pods};

/// A server-side apply of a new object is a `patch`, and is allowed only with the right to create as well.
/// [`applying_a_new_service_takes_the_right_to_create`] shows that the right is needed.
const INSIDE_AN_APPLY: [Permission; 1] = [Permission {
    verb: "create",
    group: "",
    resource: "services",
}];

const ANNOTATED: &str = "signer@p.iam.gserviceaccount.com";

fn used(operated: &Operated) -> Result<BTreeSet<String>> {
    let requests = operated.plane.requests()?;
    let ours = requests.iter().filter(|request| request.user() == chart::OPERATOR);
    Ok(ours
        .map(|request| format!("{} {}", request.verb, request.resource()))
        .collect())
}

/// A voter with an account of its own, whose key is in Google Cloud.
async fn inject(place: &Place) -> Result<()> {
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "voter"}});
    place.apply(&account).await?;
    place
        .apply(&with(voter(), "/spec/template/spec/serviceAccountName", json!("voter")))
        .await?;
    // The operator tries a pod only if one runs.
    pods::roll_out(&place.client, &place.namespace, VOTER).await?;
    let version = "projects/p/locations/global/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1";
    let mut removing = with(binding(), "/spec/key", json!({"gcp": {"keyVersion": version}}));
    removing["spec"]["workloadIdentity"] = json!({"gcpServiceAccount": ANNOTATED});
    removing["spec"]["deletionPolicy"] = json!("Remove");
    place.apply(&removing).await?;
    place.condition("Injected", "True", "Injected").await.map(drop)
}

#[tokio::test]
async fn each_right_is_used_and_none_is_missing() -> Result<()> {
    let place = Place::new("rights").await?;
    inject(&place).await?;
    pods::roll_out(&place.client, &place.namespace, VOTER).await?;
    place.condition("RolledOut", "True", "RolledOut").await?;

    // The second of two equal Events is written as a patch of the first.
    let injected = place.deployment().await?;
    place.pause().await?;
    for _ in 0..2 {
        place
            .kubectl_ok(&["set", "image", "deployment/voter", "signer=registry.example/other:1"])
            .await?;
        eventually(SOON, "the image put back", async || {
            let now = place.deployment().await?;
            ensure!(now["spec"]["template"] == injected["spec"]["template"], "not yet");
            Ok(())
        })
        .await?;
    }
    place.resume().await?;
    place.kubectl_ok(&["delete", "service", "voter-signer"]).await?;
    eventually(SOON, "the Service", async || {
        place.kubectl_ok(&["get", "service", "voter-signer"]).await
    })
    .await?;
    place.kubectl_ok(&["delete", "sb", VOTER, "--timeout=60s"]).await?;

    let used = eventually(SOON, "the use of every right", async || {
        let used = used(place.operated)?;
        let unused: Vec<_> = EVERYWHERE
            .iter()
            .chain(OWN_NAMESPACE)
            .chain(&[TO_TRY_PODS])
            .filter(|permission| !INSIDE_AN_APPLY.contains(permission))
            .map(|Permission { verb, resource, .. }| format!("{verb} {resource}"))
            .filter(|right| !used.contains(right))
            .collect();
        ensure!(unused.is_empty(), "never used: {unused:?}");
        Ok(used)
    })
    .await?;
    for verb in ["list", "watch"] {
        assert!(
            !used.contains(&format!("{verb} secrets")),
            "it reads more than the Secret that is named"
        );
    }
    let denied = place.operated.plane.denied(chart::OPERATOR, None)?;
    assert_eq!(denied, Vec::<String>::new(), "denied to the operator");
    Ok(())
}

#[tokio::test]
async fn applying_a_new_service_takes_the_right_to_create() -> Result<()> {
    let place = Place::new("apply-creates").await?;
    let verbs = "--verb=get,patch";
    place.kubectl_ok(&["create", "serviceaccount", "patcher"]).await?;
    place
        .kubectl_ok(&["create", "role", "patcher", verbs, "--resource=services"])
        .await?;
    let subject = format!("--serviceaccount={}:patcher", place.namespace);
    place
        .kubectl_ok(&["create", "rolebinding", "patcher", "--role=patcher", &subject])
        .await?;
    let patcher = place
        .operated
        .plane
        .service_account(&place.namespace, "patcher")
        .await?;
    let service = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "new"},
        "spec": {"clusterIP": "None", "selector": {"app": "voter"}},
    });
    let apply = ["apply", "--server-side", "--namespace", &place.namespace, "-f", "-"];
    let apply = async || {
        patcher
            .kubectl_in(std::path::Path::new("."), &apply, &service.to_string())
            .await
    };
    let answer = apply().await?;
    // An old API server does not name the missing right.
    assert!(
        !answer.succeeded && answer.stderr.contains("services \"new\" is forbidden"),
        "{}{}",
        answer.stdout,
        answer.stderr
    );
    let grant = json!([{"op": "add", "path": "/rules/0/verbs/-", "value": "create"}]).to_string();
    place
        .kubectl_ok(&["patch", "role", "patcher", "--type=json", "-p", &grant])
        .await?;
    eventually(SOON, "the right to create", async || {
        let answer = apply().await?;
        ensure!(answer.succeeded, "{}", answer.stderr);
        Ok(())
    })
    .await
}
