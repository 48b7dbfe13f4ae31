//! Step 5: a valid binding is accepted, and the operator acts on it.

use anyhow::{Result, ensure};
use serde_json::json;

use super::{BINDING, Demo, NAMESPACE, VOTER};
use crate::process::Port;

const FILE: &str = "examples/quickstart/30-signerbinding.yaml";

pub async fn apply(demo: &mut Demo) -> Result<()> {
    demo.screen.step("A valid binding: the operator injects the signer");
    match (Port::reserve_exactly(9090)?, Port::reserve_exactly(9091)?) {
        (Some(api), Some(management)) => {
            demo.ports = Some([api, management]);
            demo.kubectl_ok(&format!("apply -f {FILE}")).await?;
        }
        _ => apply_with_other_ports(demo).await?,
    }
    let condition = if demo.cluster.has_nodes { "Injected" } else { "Ready" };
    let wait = format!("wait signerbinding/{BINDING} -n {NAMESPACE} --for=condition={condition} --timeout=60s");
    demo.kubectl_ok(&wait).await?;
    let table = demo.kubectl_ok(&format!("get signerbindings -n {NAMESPACE}")).await?;
    let row: Vec<_> = table.lines().nth(1).unwrap_or_default().split_whitespace().collect();
    ensure!(row.starts_with(&[BINDING]), "no row of the binding");
    if !demo.cluster.has_nodes {
        demo.screen
            .note("SIGNING is Unknown, because no signer runs in a pod here.");
        ensure!(
            row.contains(&"True") && row.contains(&"1/1"),
            "the row does not say that it is ready"
        );
        demo.kubectl_ok(&format!(
            "rollout status deployment/{VOTER} -n {NAMESPACE} --timeout=60s"
        ))
        .await?;
    }
    Ok(())
}

/// Step 10 starts the signer on this computer, on the ports in the binding.
async fn apply_with_other_ports(demo: &mut Demo) -> Result<()> {
    let ports = [Port::reserve()?, Port::reserve()?];
    let [api, management] = ports.each_ref().map(Port::number);
    demo.ports = Some(ports);
    demo.screen
        .note("Another program uses port 9090 or 9091 on this computer, where the signer will run, so the binding names other ports.");
    let change = json!({"spec": {"signer": {"ports": {"api": api, "management": management}}}}).to_string();
    demo.pipe_changed(FILE, &change, "apply -f -").await
}
