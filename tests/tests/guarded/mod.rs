//! Voters under the chart's guard, with a running operator.

pub mod replica_sets;
pub mod row;
pub mod whole;

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use tests::operated::{Operated, Place, SOON, VOTER, voter, with};
use tests::{ControlPlane, eventually};
use tokio::sync::OnceCell;

/// A ServiceAccount that the guard does not check: `guard.exemptServiceAccounts` of the chart.
pub const EXEMPT: (&str, &str) = ("elsewhere", "another-operator");

/// The user's manifest without a signer. Like every voter, it never runs two pods at once.
pub fn plain() -> Value {
    with(voter(), "/spec/strategy", json!({"type": "Recreate"}))
}

/// The user's manifest with the three variables, in the form of Atto's documentation.
pub fn documented() -> Value {
    let mut manifest = plain();
    let node = &mut manifest["spec"]["template"]["spec"]["containers"][0];
    if let Some(env) = node["env"].as_array_mut() {
        env.extend(whole::variables());
    }
    manifest
}

/// The documented manifest with one variable replaced or removed.
pub fn documented_with(name: &str, variable: Option<Value>) -> Value {
    let mut manifest = documented();
    let node = &mut manifest["spec"]["template"]["spec"]["containers"][0];
    if let Some(env) = node["env"].as_array_mut() {
        env.retain(|variable| variable["name"] != name);
        env.extend(variable);
    }
    manifest
}

/// A namespace for one test, in which the guard is in force.
pub async fn place() -> Result<Place> {
    static ACTIVE: OnceCell<()> = OnceCell::const_new();
    let exempt = format!("--set-json=guard.exemptServiceAccounts=[\"{}/{}\"]", EXEMPT.0, EXEMPT.1);
    let operated = Operated::with_chart(&[&exempt]).await?;
    ACTIVE.get_or_try_init(|| is_active(operated.plane)).await?;
    let place = Place::on(operated, "guarded").await?;
    tests::pods::default_account(&place.client, &place.namespace).await?;
    Ok(place)
}

/// The API server takes a moment to apply each policy. Results before that mean nothing.
async fn is_active(plane: &'static ControlPlane) -> Result<()> {
    let namespace = plane.namespace("probe").await?;
    let admin = plane.admin();
    let operator = plane
        .service_account(tests::chart::NAMESPACE, tests::chart::SERVICE_ACCOUNT)
        .await?;
    let annotations = json!({"signer.atto.cash/hash": "probe"});
    let probe = with(plain(), "/spec/template/metadata/annotations", annotations.clone());
    let here = std::path::Path::new(".");
    let created = ["--namespace", &namespace, "create", "-f", "-"];
    let answer = admin.kubectl_in(here, &created, &probe.to_string()).await?;
    ensure!(answer.succeeded, "{}", answer.stderr);
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "probe", "annotations": annotations},
        "spec": {"containers": [{"name": "node", "image": "registry.example/node:1"}]},
    })
    .to_string();
    let strip = r#"[{"op": "remove", "path": "/spec/template/metadata/annotations"}]"#;
    let scale = r#"[{"op": "replace", "path": "/spec/replicas", "value": 2}]"#;
    let patch = |what| {
        [
            "patch",
            "deployment",
            VOTER,
            "--dry-run=server",
            "--type=json",
            "--patch",
            what,
        ]
    };
    let create = ["create", "--dry-run=server", "-f", "-"];
    for (policy, who, command, input) in [
        ("signer-operator-guard", admin, &patch(strip)[..], ""),
        ("signer-operator-guard-operator", &operator, &patch(scale)[..], ""),
        ("signer-operator-guard-pods", admin, &create[..], pod.as_str()),
    ] {
        let command = [&["--namespace", &namespace][..], command].concat();
        eventually(SOON, &format!("the first refusal of {policy}"), async || {
            let answer = who.kubectl_in(here, &command, input).await?;
            let wanted = format!("ValidatingAdmissionPolicy '{policy}'");
            ensure!(answer.stderr.contains(&wanted), "{}{}", answer.stdout, answer.stderr);
            Ok(())
        })
        .await?;
    }
    Ok(())
}
