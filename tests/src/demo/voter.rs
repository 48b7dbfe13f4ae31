//! Step 3: a realistic voter without a signer.

use anyhow::{Result, ensure};

use super::{Demo, NAMESPACE, VOTER};

pub async fn apply(demo: &mut Demo) -> Result<()> {
    demo.screen.step("A realistic voter, without a signer");
    for file in ["00-namespace.yaml", "10-token-secret.yaml"] {
        demo.kubectl_ok(&format!("apply -f examples/quickstart/{file}")).await?;
    }
    demo.cluster.let_pods_run().await?;
    demo.kubectl_ok("apply -f examples/quickstart/20-voter.yaml").await?;
    demo.screen
        .note("It is created paused. Resume a real voter only after its signer is injected. The demo resumes this one now, to show it without a signer:");
    demo.kubectl_ok(&format!("rollout resume deployment/{VOTER} -n {NAMESPACE}"))
        .await?;
    if !demo.cluster.has_nodes {
        demo.kubectl_ok(&format!(
            "rollout status deployment/{VOTER} -n {NAMESPACE} --timeout=60s"
        ))
        .await?;
    }
    let deployment = demo.deployment().await?;
    demo.untouched = deployment["spec"].clone();
    ensure!(
        !demo.untouched.to_string().contains("ATTO_SIGNER"),
        "the example already has a signer"
    );
    Ok(())
}
