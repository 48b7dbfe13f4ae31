//! What works but should be known stands in `status.warnings`, and goes when it is mended.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use tests::eventually;
use tests::operated::{Place, SOON, binding, voter, with};

fn gcp(key: &str) -> Value {
    let version = format!("projects/p/locations/global/keyRings/r/cryptoKeys/{key}/cryptoKeyVersions/1");
    with(binding(), "/spec/key", json!({"gcp": {"keyVersion": version}}))
}

/// Waits until the binding warns of exactly these.
async fn warns(place: &Place, expected: &[&str]) -> Result<String> {
    eventually(SOON, &format!("the warnings {expected:?}"), async || {
        let status = place.binding().await?.status.unwrap_or_default();
        let found: Vec<_> = status.warnings.iter().map(|warning| warning.reason.as_str()).collect();
        ensure!(found == expected, "{found:?}");
        Ok(status.warnings.iter().map(|warning| warning.message.clone()).collect())
    })
    .await
}

fn quiet() -> Value {
    with(voter(), "/spec/strategy", json!({"type": "Recreate"}))
}

#[tokio::test]
async fn each_danger_is_named_and_goes_when_it_is_mended() -> Result<()> {
    let place = Place::new("warned").await?;
    place.apply(&quiet()).await?;
    place.apply(&gcp("own")).await?;
    place.condition("Injected", "True", "Injected").await?;
    warns(&place, &[]).await?;
    let mut loud = with(voter(), "/spec/replicas", json!(2));
    loud["spec"]["template"]["spec"]["hostNetwork"] = json!(true);
    loud["spec"]["template"]["spec"]["containers"][0]["env"] =
        json!([{"name": "ATTO_PRIVATE_KEY", "value": "0011223344556677"}]);
    place.apply(&loud).await?;
    let told = warns(
        &place,
        &["PrivateKeyInPod", "SeveralReplicas", "SurgeStrategy", "HostNetwork"],
    )
    .await?;
    assert!(!told.contains("0011223344556677"), "the private key shows: {told}");
    place.kubectl_ok(&["delete", "deployment", "voter"]).await?;
    place.apply(&quiet()).await?;
    warns(&place, &[]).await?;
    Ok(())
}

#[tokio::test]
async fn two_bindings_with_one_key_version_warn_of_each_other_across_namespaces() -> Result<()> {
    let (first, second) = (Place::new("first").await?, Place::new("second").await?);
    for place in [&first, &second] {
        place.apply(&quiet()).await?;
        place.apply(&gcp("shared")).await?;
    }
    for (place, other) in [(&first, &second), (&second, &first)] {
        let told = warns(place, &["SharedKeyVersion"]).await?;
        assert!(told.contains("1 SignerBinding in another namespace"), "{told}");
        assert!(!told.contains(&other.namespace), "another namespace shows: {told}");
    }
    second.apply(&gcp("own")).await?;
    warns(&first, &[]).await?;
    second.apply(&gcp("shared")).await?;
    warns(&first, &["SharedKeyVersion"]).await?;
    second.kubectl_ok(&["delete", "sb", "voter"]).await?;
    warns(&first, &[]).await?;
    Ok(())
}
