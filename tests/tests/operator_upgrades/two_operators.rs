//! Two operators that do not know of each other: one of them serves a binding, and no restart replaces pods.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tests::faulty_api::{Fault, FaultyApi, For, Gate, Verb, Which};
use tests::operated::{Operated, Place, SOON, VOTER, binding, voter, with};
use tests::operator_process::command;
use tests::{ControlPlane, Kubeconfig, chart, eventually};

use super::{IMAGE, image_is};

/// An operator with work acts within this time.
const QUIET: Duration = Duration::from_secs(3);

/// An operator in another namespace, with the same rights, of which the first one does not know.
async fn another_operator(plane: &'static ControlPlane, namespace: &str) -> Result<Kubeconfig> {
    let account = |kind: &str, role: &str| {
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": format!("{kind}Binding"), "metadata": {"name": "another", "namespace": namespace},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role},
            "subjects": [{"kind": "ServiceAccount", "name": "another", "namespace": namespace}],
        })
    };
    let leases =
        json!([{"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["create", "get", "update"]}]);
    let mut cluster_wide = account("ClusterRole", "signer-operator");
    cluster_wide["metadata"] = json!({"name": "another"});
    let list = json!({"apiVersion": "v1", "kind": "List", "items": [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "another", "namespace": namespace}},
        {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "leases", "namespace": namespace}, "rules": leases},
        account("Role", "leases"),
        cluster_wide,
    ]});
    let answer = plane
        .admin()
        .kubectl_in(Path::new("."), &["apply", "-f", "-"], &list.to_string())
        .await?;
    ensure!(answer.succeeded, "{}", answer.stderr);
    plane.service_account(namespace, "another").await
}

/// Successful writes of both operators, by kind.
fn writes_of_both(place: &Place) -> Result<BTreeMap<String, usize>> {
    let mut counts = BTreeMap::new();
    for request in place.operated.plane.requests()? {
        let is_of_one = request.user().starts_with("system:serviceaccount:") && request.namespace() == place.namespace;
        if is_of_one && request.is_write() && request.succeeded() {
            *counts.entry(request.resource()).or_default() += 1;
        }
    }
    Ok(counts)
}

/// The writes of both operators, once neither writes any more. Each write wakes both, so a reaction to the other's
/// write would follow within a moment.
async fn quiet(place: &Place) -> Result<BTreeMap<String, usize>> {
    eventually(SOON, "both to write nothing", async || {
        let before = writes_of_both(place)?;
        tokio::time::sleep(QUIET).await;
        let after = writes_of_both(place)?;
        ensure!(after == before, "{before:?} became {after:?}");
        Ok(after)
    })
    .await
}

async fn metric(operated: &Operated, series: &str) -> Result<f64> {
    tests::metrics::sum(&operated.get("/metrics").await?.body, series)
}

async fn starting_again_replaces_no_pods(
    place: &Place,
    api_of_other: &FaultyApi,
    who: &Kubeconfig,
    arguments: &[&str],
) -> Result<()> {
    let says = async |operated: &Operated, says: &str| {
        eventually(SOON, says, async || {
            let log = operated.log();
            let mut lines = log.lines().filter(|line| line.contains(&place.namespace));
            ensure!(lines.any(|line| line.contains(says)), "{log}");
            Ok(())
        })
        .await
    };
    let generation = place.deployment().await?["metadata"]["generation"].clone();
    let again = async |message: &str| {
        let again = Operated::start_as(place.operated.plane, who, arguments).await?;
        says(&again, message).await?;
        Ok::<_, anyhow::Error>(again)
    };
    for _ in 0..2 {
        again("this operator leaves it alone").await?.stop()?;
    }
    // The other operator answers late: the status has the name of an operator that has ended.
    let answers = Which::of(&[Verb::Patch], "signerbindings/status").within(&place.namespace);
    let gate = Gate::default();
    let rule = api_of_other.rule(answers, Fault::Held(gate.clone()), For::Ever);
    again("another operator wrote this binding last").await?.stop()?;
    let second = again("another operator wrote this binding last").await?;
    rule.lift();
    gate.open().await;
    says(&second, "this operator leaves it alone").await?;
    second.stop()?;
    quiet(place).await?;
    assert_eq!(place.deployment().await?["metadata"]["generation"], generation);
    Ok(())
}

const ROUNDS: usize = 8;

/// The chart in two namespaces, or `operator run` with a Lease elsewhere: each has its own image, and both may write everything.
pub async fn that_do_not_know_of_each_other_do_not_replace_pods_in_turn() -> Result<()> {
    let plane = ControlPlane::shared().await?;
    let elsewhere = plane.namespace("z-elsewhere").await?;
    let other = another_operator(plane, &elsewhere).await?;
    let lease = format!("--lease-namespace={elsewhere}");
    let images = [1, 2].map(|tag| format!("--signer-image={IMAGE}:{tag}"));
    let one = plane.service_account(chart::NAMESPACE, chart::SERVICE_ACCOUNT).await?;
    let api_of_first = FaultyApi::start("operator", &one, plane.directory()).await?;
    let first = Operated::start_as(plane, api_of_first.kubeconfig(), &[&images[0], "--upgrades=roll"]).await?;
    let first: &'static Operated = Box::leak(Box::new(first));
    let arguments = [images[1].as_str(), "--upgrades=roll", &lease];
    let second = Operated::start_as(plane, &other, &arguments).await?;
    let two = Place::on(first, "two").await?;
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": VOTER}});
    two.apply(&account).await?;
    two.apply(&with(voter(), "/spec/template/spec/serviceAccountName", json!(VOTER)))
        .await?;
    let wanted = |round: usize| {
        let version = "projects/p/locations/global/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1";
        let mut binding = with(binding(), "/spec/key", json!({"gcp": {"keyVersion": version}}));
        binding["spec"]["workloadIdentity"] =
            json!({"gcpServiceAccount": format!("signer-{}@p.iam.gserviceaccount.com", round % 2)});
        // The Deployment and the Service change.
        binding["spec"]["signer"] = json!({"ports": {"management": 19091 + round}});
        binding
    };
    two.apply(&wanted(0)).await?;
    two.condition("Injected", "True", "Injected").await?;
    two.apply(&wanted(1)).await?;
    let message = two.condition("Accepted", "False", "Contested").await?;
    assert!(
        message.contains(&elsewhere) && message.contains("uninstall"),
        "{message}"
    );
    for round in 2..=ROUNDS {
        two.apply(&wanted(round)).await?;
        two.condition("Injected", "True", "Injected").await?;
    }
    let writes = quiet(&two).await?;
    // One for each change, and one or two more by each operator before it has noticed the other.
    for (kind, most) in [
        ("deployments", ROUNDS + 5),
        ("services", ROUNDS + 5),
        ("serviceaccounts", ROUNDS + 5),
        ("signerbindings/status", 5 * ROUNDS + 10),
    ] {
        let found = writes.get(kind).copied().unwrap_or_default();
        assert!((1..=most).contains(&found), "{kind}: {writes:?}");
    }
    let generation = two.deployment().await?["metadata"]["generation"]
        .as_u64()
        .context("no generation")?;
    assert!(generation <= u64::try_from(ROUNDS)? + 6, "{generation} generations");

    // Both report it, and each names the other.
    let operator = two
        .binding()
        .await?
        .status
        .and_then(|status| status.operator)
        .context("nobody wrote it")?;
    assert_eq!(operator.lease_namespace.as_deref(), Some(chart::NAMESPACE));
    two.tells("SignerBinding", "Contested").await?;
    let contested = "atto_signer_operator_bindings{condition=\"Accepted\",reason=\"Contested\",status=\"False\"}";
    for (operated, who, own, others) in [
        (first, &one, chart::NAMESPACE, elsewhere.as_str()),
        (&second, &other, elsewhere.as_str(), chart::NAMESPACE),
    ] {
        assert!(
            operated.log().contains("another operator also writes this binding"),
            "{}",
            operated.log()
        );
        assert!(metric(operated, contested).await? >= 1.0);
        let (code, said) = command(who, &["preflight", &format!("--lease-namespace={own}")]).await?;
        assert_eq!(code, Some(78), "{said}");
        assert!(
            said.contains(&format!("with its Lease signer-operator in namespace {others}")),
            "{said}"
        );
    }

    second.stop()?;
    starting_again_replaces_no_pods(&two, &api_of_first, &other, &arguments).await?;
    // The operator continues to serve the binding.
    two.pause().await?;
    two.kubectl_ok(&["set", "image", "deployment/voter", "signer=registry.example/other:1"])
        .await?;
    image_is(&two, "1").await?;
    first.stop()
}
