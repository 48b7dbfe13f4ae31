//! The example of an operator for one namespace.

use anyhow::Result;
use tests::ControlPlane;
use tests::operated::Operated;

use crate::support::{Example, operated};

#[tokio::test]
async fn an_operator_for_one_namespace_serves_its_voter_with_a_role_alone() -> Result<()> {
    let plane: &'static ControlPlane = Box::leak(Box::new(ControlPlane::start().await?));
    plane.admin().kubectl_ok(&["create", "namespace", "atto"]).await?;
    let operated: &'static Operated = Box::leak(Box::new(operated(plane, "namespaced/helm/values.yaml").await?));
    let roles = [
        "get",
        "clusterrole,clusterrolebinding",
        "signer-operator",
        "--ignore-not-found",
    ];
    assert_eq!(plane.admin().kubectl_ok(&roles).await?, "");
    let example = Example::on(operated, "namespaced", "atto".to_owned()).await?;
    example.token("atto-signer-secrets-1").await?;
    example.apply_all().await?;
    example.injected().await?;
    operated.stop()
}
