//! Step 4: the API server itself refuses an invalid binding.

use anyhow::{Result, ensure};

use super::{BINDING, Demo, NAMESPACE};

pub async fn show(demo: &mut Demo) -> Result<()> {
    demo.screen
        .step("The API server refuses an invalid binding, and its message has the expected values");
    let answer = demo
        .kubectl("apply -f examples/quickstart/invalid/signerbinding.yaml")
        .await?;
    ensure!(!answer.succeeded, "it was accepted");
    for expected in [
        "spec.key.gcp.keyVersion",
        "must be the full resource ID of a key version: projects/PROJECT/locations/LOCATION/keyRings/RING/cryptoKeys/KEY/cryptoKeyVersions/NUMBER",
        "spec.target.container",
        "name the container of the node",
    ] {
        ensure!(
            answer.stderr.contains(expected),
            "the refusal does not say {expected:?}"
        );
    }
    let get = [
        "get",
        "signerbinding",
        BINDING,
        "-n",
        NAMESPACE,
        "--ignore-not-found",
        "-o",
        "name",
    ];
    ensure!(
        demo.cluster.admin().kubectl_ok(&get).await?.is_empty(),
        "a part of it was stored"
    );
    Ok(())
}
