//! An operator that renders differently does not restart pods by itself, and the limit on rollouts is kept. The
//! operators run one after another, so this is one test in a separate binary.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::faulty_api::{Fault, FaultyApi, For, Gate, Verb, Which};
use tests::operated::{Operated, Place, SOON, VOTER, binding, secret, voter, with};
use tests::operator_process::command;
use tests::{ControlPlane, Kubeconfig, chart, eventually, pods};

/// An operator with work acts within this time.
const QUIET: Duration = Duration::from_secs(3);

const IMAGE: &str = "ghcr.io/attocash/signer-operator/signer";

async fn operated(arguments: &[&str]) -> Result<&'static Operated> {
    let plane = ControlPlane::shared().await?;
    Ok(Box::leak(Box::new(Operated::start(plane, arguments).await?)))
}

async fn signer(place: &Place) -> Result<Value> {
    Ok(place.deployment().await?["spec"]["template"]["spec"]["initContainers"][0].clone())
}

async fn image_is(place: &Place, tag: &str) -> Result<()> {
    eventually(SOON, &format!("the signer {tag}"), async || {
        let found = signer(place).await?["image"].clone();
        ensure!(found == format!("{IMAGE}:{tag}"), "{found}");
        Ok(())
    })
    .await
}

/// With more threads than one, because the proxy must answer while the test waits for a program's end.
#[tokio::test(flavor = "multi_thread")]
async fn operators_come_and_go() -> Result<()> {
    chart::install(ControlPlane::shared().await?.admin(), &[]).await?;
    let first = operated(&[&format!("--signer-image={IMAGE}:1")]).await?;
    let place = Place::on(first, "upgrade").await?;
    place.injected().await?;
    image_is(&place, "1").await?;
    first.stop()?;

    an_upgrade_that_would_be_refused_is_held_as_well(&place).await?;
    an_upgrade_is_held_until_the_next_change(&place).await?;
    an_edit_of_the_signer_is_repaired_while_an_upgrade_is_held(&place).await?;
    upgrades_roll_at_once_where_that_is_wanted(&place).await?;
    as_many_roll_as_are_allowed_and_tokens_go_first().await?;
    two_that_do_not_know_of_each_other_do_not_replace_pods_in_turn().await
}

/// Nothing must be written, so nothing has failed.
async fn an_upgrade_that_would_be_refused_is_held_as_well(place: &Place) -> Result<()> {
    let same = json!({"template": {"spec": {"initContainers": [{"name": "signer", "image": format!("{IMAGE}:1")}]}}});
    place.apply_spec_as("argocd", &same).await?;
    let newer = operated(&[&format!("--signer-image={IMAGE}:2")]).await?;
    place.condition("UpdateAvailable", "True", "UpdateAvailable").await?;
    place.condition("Injected", "True", "Injected").await?;
    image_is(place, "1").await?;
    newer.stop()?;
    place.apply_spec_as("argocd", &json!({})).await
}

async fn an_upgrade_is_held_until_the_next_change(place: &Place) -> Result<()> {
    let before = place.deployment().await?;
    let second = operated(&[&format!("--signer-image={IMAGE}:2")]).await?;
    let message = place.condition("UpdateAvailable", "True", "UpdateAvailable").await?;
    assert!(message.contains("--upgrades=roll"), "{message}");
    place.condition("Injected", "True", "Injected").await?;
    assert_eq!(place.deployment().await?["spec"], before["spec"]);
    let diff = eventually(SOON, "a plan", async || {
        let plan = place.binding().await?.status.and_then(|status| status.plan);
        plan.context("no plan")?.diff.context("no diff")
    })
    .await?;
    assert!(diff.contains(&format!("-   image: {IMAGE}:1")), "{diff}");
    assert!(diff.contains(&format!("+   image: {IMAGE}:2")), "{diff}");
    // Other changes of the Deployment still work meanwhile.
    place
        .kubectl_ok(&["set", "image", "deployment/voter", "node=registry.example/node:2"])
        .await?;
    place.kubectl_ok(&["annotate", "sb", VOTER, "look=again"]).await?;
    place.condition("UpdateAvailable", "True", "UpdateAvailable").await?;
    image_is(place, "1").await?;
    a_refusal_does_not_end_the_wait(place).await?;
    image_is(place, "1").await?;
    place
        .apply(&with(binding(), "/spec/signer", json!({"logLevel": "debug"})))
        .await?;
    image_is(place, "2").await?;
    place.condition("UpdateAvailable", "False", "UpToDate").await?;
    second.stop()
}

/// A port of the node that the signer has too is refused, without a change of the binding.
async fn a_refusal_does_not_end_the_wait(place: &Place) -> Result<()> {
    let path = "/spec/template/spec/containers/1/ports";
    let taken = json!([{"op": "add", "path": path, "value": [{"containerPort": 9091}]}]).to_string();
    let free = json!([{"op": "remove", "path": path}]).to_string();
    for _ in 0..2 {
        let add = ["patch", "deployment", VOTER, "--type=json", "-p", &taken];
        place.kubectl_ok(&add).await?;
        place.condition("Injected", "False", "PortConflict").await?;
        let remove = ["patch", "deployment", VOTER, "--type=json", "-p", &free];
        place.kubectl_ok(&remove).await?;
        place.condition("Injected", "True", "Injected").await?;
        place.condition("UpdateAvailable", "True", "UpdateAvailable").await?;
    }
    Ok(())
}

/// The signer cannot stay as it was edited, and the rendering before the edit is no longer known. The repair therefore
/// writes the new one. Each operator has another image, so each of them holds an upgrade.
async fn an_edit_of_the_signer_is_repaired_while_an_upgrade_is_held(place: &Place) -> Result<()> {
    const PORT: &str = "ATTO_SIGNER_PORT";
    let set = ["set", "env", "deployment/voter", "-c", "signer"];
    let args = json!({"spec": {"template": {"spec": {"initContainers": [{"name": "signer", "args": ["--help"]}]}}}})
        .to_string();
    let by_our_name = "--field-manager=signer-operator";
    let changed = [&set[..], &["ATTO_SIGNER_PORT=9999"]].concat();
    let removed = [&set[..], &["ATTO_SIGNER_PORT-", by_our_name]].concat();
    let added = vec!["patch", "deployment", VOTER, "-p", &args, by_our_name];
    let before = signer(place).await?["env"].clone();
    assert!(before.to_string().contains(PORT), "{before}");
    for (tag, edit, while_it_runs) in [("3", changed, true), ("4", removed, false), ("5", added, true)] {
        let hold = async || {
            let operated = operated(&[&format!("--signer-image={IMAGE}:{tag}")]).await?;
            Ok::<_, anyhow::Error>(operated)
        };
        let running = if while_it_runs { Some(hold().await?) } else { None };
        if while_it_runs {
            place.condition("UpdateAvailable", "True", "UpdateAvailable").await?;
        }
        place.pause().await?;
        place.kubectl_ok(&edit).await?;
        let running = match running {
            Some(running) => running,
            None => hold().await?,
        };
        eventually(SOON, &format!("the signer repaired after {edit:?}"), async || {
            let found = signer(place).await?;
            ensure!(found["env"] == before && found["args"].is_null(), "{found}");
            Ok(())
        })
        .await?;
        image_is(place, tag).await?;
        place.condition("UpdateAvailable", "False", "UpToDate").await?;
        place.tells("Deployment", "DriftRepaired").await?;
        place.resume().await?;
        running.stop()?;
    }
    Ok(())
}

async fn upgrades_roll_at_once_where_that_is_wanted(place: &Place) -> Result<()> {
    let third = operated(&[&format!("--signer-image={IMAGE}:6"), "--upgrades=roll"]).await?;
    image_is(place, "6").await?;
    // Its pods are never ready here, so it would keep the only place of the next operator.
    place.kubectl_ok(&["scale", "deployment/voter", "--replicas=0"]).await?;
    third.stop()
}

/// Each Deployment is rolled out by hand, so that the test decides when a place becomes free.
async fn as_many_roll_as_are_allowed_and_tokens_go_first() -> Result<()> {
    let bounded = operated(&["--max-rollouts=1"]).await?;
    let [first, second, third, fourth, fifth] = [
        Place::on(bounded, "one").await?,
        Place::on(bounded, "two").await?,
        Place::on(bounded, "three").await?,
        Place::on(bounded, "four").await?,
        Place::on(bounded, "five").await?,
    ];
    for place in [&first, &second, &third, &fourth, &fifth] {
        place.injected().await?;
        pods::roll_out(&place.client, &place.namespace, VOTER).await?;
        place.condition("RolledOut", "True", "RolledOut").await?;
    }
    // Without a deadline, only Kubernetes' counts show that a rollout is complete.
    let endless = json!({"spec": {"progressDeadlineSeconds": i32::MAX}}).to_string();
    let patch = ["patch", "deployment", VOTER, "--type=merge", "--patch", &endless];
    first.kubectl_ok(&patch).await?;
    let changed = with(binding(), "/spec/signer", json!({"logLevel": "debug"}));
    first.apply(&changed).await?;
    first.condition("Injected", "True", "Injected").await?;
    second.apply(&changed).await?;
    second.condition("Injected", "False", "RolloutQueued").await?;
    // A repair does not wait.
    let stranger = ["set", "image", "deployment/voter", "signer=registry.example/other:1"];
    fourth.pause().await?;
    fourth.kubectl_ok(&stranger).await?;
    eventually(SOON, "the repair", async || {
        let found = signer(&fourth).await?["image"].to_string();
        ensure!(!found.contains("other"), "{found}");
        Ok(())
    })
    .await?;
    fourth.resume().await?;
    pods::roll_out(&fourth.client, &fourth.namespace, VOTER).await?;
    // A voter that has lost its signer does not wait either, although it has another change as well.
    fifth.apply(&changed).await?;
    fifth.condition("Injected", "False", "RolloutQueued").await?;
    fifth.kubectl_ok(&["rollout", "pause", "deployment/voter"]).await?;
    let paused = with(voter(), "/spec/paused", json!(true));
    fifth.replace(async || Ok(paused.clone())).await?;
    eventually(SOON, "the signer of a voter that has lost it", async || {
        let found = signer(&fifth).await?.to_string();
        ensure!(found.contains("ATTO_SIGNER_LOG"), "{found}");
        Ok(())
    })
    .await?;
    third
        .apply(&secret("token", "value", "another-token-of-more-than-32-bytes-0123"))
        .await?;
    third.kubectl_ok(&["annotate", "sb", VOTER, "look=again"]).await?;
    third.condition("TokenReady", "False", "RotationPending").await?;
    pods::roll_out(&first.client, &first.namespace, VOTER).await?;
    third.condition("TokenReady", "True", "TokenFound").await?;
    second.condition("Injected", "False", "RolloutQueued").await?;
    pods::roll_out(&third.client, &third.namespace, VOTER).await?;
    second.condition("Injected", "True", "Injected").await?;
    bounded.stop()
}

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
async fn two_that_do_not_know_of_each_other_do_not_replace_pods_in_turn() -> Result<()> {
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
