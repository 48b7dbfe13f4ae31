//! Step 12: the binding is deleted, and the Deployment is restored.

use anyhow::{Result, ensure};

use super::changes::spec_diff;
use super::{BINDING, Demo, NAMESPACE, VOTER};
use crate::eventually::{SOON, eventually};

pub async fn show(demo: &mut Demo) -> Result<()> {
    demo.screen
        .step("The binding is deleted, and the Deployment is restored");
    demo.screen
        .note("Scale a real voter to 0 first: its node would start again without a signer.");
    demo.kubectl_ok(&format!("delete signerbinding {BINDING} -n {NAMESPACE} --timeout=60s"))
        .await?;
    demo.screen
        .command(&format!("kubectl get deployment {VOTER} -n {NAMESPACE} -o yaml"));
    let deployment = demo.deployment().await?;
    ensure!(
        deployment["spec"] == demo.untouched,
        "the spec differs from the earlier one:\n{}",
        spec_diff(&demo.untouched, &deployment["spec"])?
    );
    demo.screen.note("its spec is the same as before the binding");
    let owned = deployment["metadata"]["managedFields"].to_string();
    ensure!(
        !owned.contains("signer-operator"),
        "the operator still owns something in it"
    );
    let admin = demo.cluster.admin();
    eventually(SOON, "the end of the Service", async || {
        let service = format!("{VOTER}-signer");
        let get = [
            "get",
            "service",
            &service,
            "-n",
            NAMESPACE,
            "--ignore-not-found",
            "-o",
            "name",
        ];
        let found = admin.kubectl_ok(&get).await?;
        ensure!(found.is_empty(), "{found} is there");
        Ok(())
    })
    .await
}
