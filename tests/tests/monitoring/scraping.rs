//! The chart's ServiceMonitor for signers selects the Services that the operator creates.

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::Service;
use kube::api::ListParams;
use kube::{Api, ResourceExt};
use serde_json::Value;
use tests::chart;
use tests::operated::Place;

#[tokio::test]
async fn the_services_of_signers_are_found_by_label_and_port() -> Result<()> {
    let place = Place::new("scraping").await?;
    place.injected().await?;
    let objects = chart::render(&["--set=serviceMonitor.enabled=true"]).await?;
    let monitors: Vec<&Value> = objects
        .iter()
        .filter(|object| object["kind"] == "ServiceMonitor")
        .collect();
    assert_eq!(monitors.len(), 2);
    let monitor = monitors.iter().find(|one| one["spec"]["jobLabel"].is_string());
    let spec = &monitor.context("no monitor of signers")?["spec"];
    let labels = spec["selector"]["matchLabels"].as_object().context("no labels")?;
    let selector: Vec<_> = labels
        .iter()
        .map(|(label, value)| format!("{label}={}", value.as_str().unwrap()))
        .collect();
    let services: Api<Service> = Api::namespaced(place.client.clone(), &place.namespace);
    let found = services
        .list(&ListParams::default().labels(&selector.join(",")))
        .await?;
    let [service] = &found.items[..] else {
        anyhow::bail!("{} Services are found", found.items.len())
    };
    let ports = service
        .spec
        .as_ref()
        .and_then(|spec| spec.ports.as_ref())
        .context("no ports")?;
    assert_eq!(ports[0].name.as_deref(), spec["endpoints"][0]["port"].as_str());
    // Without it, Prometheus' label `job` would be the Service's name.
    let job_label = spec["jobLabel"].as_str().unwrap();
    assert_eq!(service.labels().get(job_label).map(String::as_str), Some("signer"));
    Ok(())
}
