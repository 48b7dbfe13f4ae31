//! Step 6: the operator's changes, and the fields that it owns.

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use similar::TextDiff;

use super::{Demo, NAMESPACE, VOTER};

pub async fn show(demo: &mut Demo) -> Result<()> {
    demo.screen
        .step("The Deployment has only the fields that the operator added");
    demo.screen
        .command(&format!("kubectl get deployment {VOTER} -n {NAMESPACE} -o yaml"));
    let deployment = demo.deployment().await?;
    demo.screen.note("the changes of its spec:");
    let diff = spec_diff(&demo.untouched, &deployment["spec"])?;
    demo.screen.output(&diff);
    let removed: Vec<_> = diff
        .lines()
        .filter(|line| line.starts_with('-') && !line.starts_with("---"))
        .collect();
    ensure!(removed.is_empty(), "the operator removed fields: {removed:?}");

    let pod = &deployment["spec"]["template"]["spec"];
    let sidecar = pod["initContainers"]
        .as_array()
        .and_then(|all| all.iter().find(|one| one["name"] == "signer"));
    let sidecar = sidecar.context("there is no init container signer")?;
    ensure!(sidecar["restartPolicy"] == "Always", "the signer is no native sidecar");
    let node = pod["containers"]
        .as_array()
        .and_then(|all| all.iter().find(|one| one["name"] == "node"));
    let names = variable_names(node.context("there is no container node")?);
    for expected in crds::names::NODE_VARIABLES {
        ensure!(names.contains(&expected), "the node has no variable {expected}");
    }
    let template = &deployment["spec"]["template"]["metadata"];
    ensure!(
        template["annotations"][crds::names::HASH_ANNOTATION].is_string(),
        "the template carries no hash"
    );
    ensure!(
        template["labels"][crds::names::DEPLOYMENT_LABEL].is_string(),
        "the template has no label of the operator"
    );
    ensure!(
        deployment["spec"]["replicas"] == demo.untouched["replicas"],
        "the operator changed the replicas"
    );
    demo.kubectl_ok(&format!("get service {VOTER}-signer -n {NAMESPACE}"))
        .await
        .map(drop)
}

/// Unified diff of two specs as YAML.
pub fn spec_diff(before: &Value, after: &Value) -> Result<String> {
    let (before, after) = (serde_yaml::to_string(before)?, serde_yaml::to_string(after)?);
    let diff = TextDiff::from_lines(&before, &after);
    Ok(diff
        .unified_diff()
        .context_radius(2)
        .header("before", "after")
        .to_string())
}

fn variable_names(container: &Value) -> Vec<&str> {
    container["env"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|variable| variable["name"].as_str())
        .collect()
}
