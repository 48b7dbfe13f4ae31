//! Step 7: the operator's Events about the binding and the Deployment.

use anyhow::{Result, ensure};

use super::{BINDING, Demo, NAMESPACE, VOTER};
use crate::eventually::{SOON, eventually};

pub async fn show(demo: &mut Demo) -> Result<()> {
    demo.screen.step("The Events, on the binding and on the Deployment");
    let command = format!("get events -n {NAMESPACE} --field-selector=reportingComponent=signer-operator");
    let words: Vec<_> = command.split(' ').collect();
    let admin = demo.cluster.admin().clone();
    // They are written after the status that the last step has waited for.
    eventually(SOON, "the operator's Events", async || {
        let printed = admin.kubectl_ok(&words).await?;
        for object in [format!("signerbinding/{BINDING}"), format!("deployment/{VOTER}")] {
            ensure!(printed.contains(&object), "no Event on {object}: {printed}");
        }
        Ok(())
    })
    .await?;
    let printed = demo.kubectl_ok(&command).await?;
    ensure!(printed.contains("Injected"), "no Event says Injected");
    ensure!(!printed.contains("quickstart-token"), "an Event shows the token");
    Ok(())
}
