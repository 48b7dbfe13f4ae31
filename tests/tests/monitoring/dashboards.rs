//! The dashboards work in any Grafana, and every panel has a description.

use std::collections::BTreeSet;
use std::fs;

use anyhow::Result;
use tests::monitoring::promql::{self, Selector};
use tests::monitoring::{DASHBOARDS, alerts, dashboard, each, panels, text};
use tests::workspace;

/// A signer's metrics about its key service.
const OF_KEY_SERVICES: [&str; 10] = [
    "atto_signer_backend_attempts_total",
    "atto_signer_backend_calls_total",
    "atto_signer_backend_hashes",
    "atto_signer_backend_signing_duration_seconds_bucket",
    "atto_signer_hedges_total",
    "atto_signer_recent_signature_seconds",
    "atto_signer_self_tests_total",
    "atto_signer_siblings_total",
    "atto_signer_waiting_hashes",
    "atto_signer_breaker_open",
];
/// Prefix of the operator's metrics about each SignerBinding.
const OF_BINDINGS: &str = "atto_signer_operator_binding_";
/// A panel with data for each pod, which has one key.
const OF_PODS: &str = "Backend, client and breaker";

const TYPES: [&str; 5] = ["timeseries", "state-timeline", "heatmap", "stat", "table"];

#[test]
fn panels_are_told_apart_lie_beside_each_other_and_have_a_unit() -> Result<()> {
    for name in DASHBOARDS {
        let dashboard = dashboard(name)?;
        let (mut ids, mut cells, mut titles) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for panel in each(&dashboard, "panels") {
            let title = text(panel, "title");
            let what = format!("{name}: {title}");
            assert!(ids.insert(panel["id"].as_u64()), "{what}: its id is another one's");
            assert!(titles.insert(title) && !title.is_empty(), "{what}: twice");
            assert!(text(panel, "description").len() > 10, "{what}: no description");
            let at = |field: &str| panel["gridPos"][field].as_u64().unwrap();
            assert!(at("x") + at("w") <= 24, "{what}: wider than the dashboard");
            for x in at("x")..at("x") + at("w") {
                for y in at("y")..at("y") + at("h") {
                    assert!(cells.insert((x, y)), "{what}: lies on another panel");
                }
            }
        }
        for panel in panels(&dashboard) {
            let what = format!("{name}: {}", text(panel, "title"));
            assert!(TYPES.contains(&text(panel, "type")), "{what}: cannot be drawn");
            let (unit, of_axis) = (
                text(&panel["fieldConfig"]["defaults"], "unit"),
                text(&panel["options"]["yAxis"], "unit"),
            );
            assert!(
                !unit.is_empty() && (panel["type"] != "heatmap" || !of_axis.is_empty()),
                "{what}: no unit"
            );
            if panel["type"] == "timeseries" {
                let label = text(&panel["fieldConfig"]["defaults"]["custom"], "axisLabel");
                assert!(!label.is_empty(), "{what}: nobody knows what the axis counts");
            }
            assert!(each(panel, "targets").count() > 0, "{what}: asks for nothing");
        }
    }
    Ok(())
}

#[test]
fn every_panel_asks_the_data_source_and_the_pods_that_were_chosen() -> Result<()> {
    for name in DASHBOARDS {
        let dashboard = dashboard(name)?;
        let variables: Vec<_> = each(&dashboard["templating"], "list").collect();
        let names: Vec<_> = variables.iter().map(|one| text(one, "name")).collect();
        assert_eq!(names[..3], ["datasource", "namespace", "pod"]);
        for variable in variables.iter().filter(|one| one["type"] == "query") {
            // If Prometheus does not know the pods, series have no such label, and the panels show them anyway.
            assert_eq!(variable["allValue"], ".*", "{name}");
        }
        for panel in panels(&dashboard) {
            let what = format!("{name}: {}", text(panel, "title"));
            assert_eq!(panel["datasource"]["uid"], "${datasource}", "{what}");
            for target in each(panel, "targets") {
                assert_eq!(target["datasource"]["uid"], "${datasource}", "{what}");
                let expression = text(target, "expr");
                let selectors = promql::names(expression).selectors;
                // A series with names has the voter's namespace, and the chosen namespace is the operator's.
                let chosen = selectors
                    .iter()
                    .filter(|one| one.metric.starts_with(OF_BINDINGS))
                    .count();
                let of_both = expression.matches(r#"namespace=~"$namespace",pod=~"$pod"}"#).count();
                let of_pods = expression.matches(r#"pod=~"$pod"}"#).count();
                assert_eq!(of_both, selectors.len() - chosen, "{what}: {expression}");
                assert_eq!(of_pods, selectors.len(), "{what}: {expression}");
            }
        }
    }
    Ok(())
}

#[test]
fn key_services_are_told_apart_and_none_is_taken_for_all() -> Result<()> {
    for name in DASHBOARDS {
        let dashboard = dashboard(name)?;
        for panel in panels(&dashboard) {
            let what = format!("{name}: {}", text(panel, "title"));
            let told = format!("{} {}", text(panel, "title"), text(panel, "description"));
            let told = told.replace("Google Cloud KMS", "").replace("AWS KMS", "");
            assert!(!told.contains("KMS") && !told.contains("Google"), "{what}: {told}");
            for target in each(panel, "targets").filter(|_| text(panel, "title") != OF_PODS) {
                let named = promql::names(text(target, "expr"));
                let of_a_service = |one: &Selector| OF_KEY_SERVICES.contains(&one.metric.as_str());
                let is_told_apart =
                    named.grouped_by.contains("backend") && text(target, "legendFormat").contains("{{backend}}");
                assert!(
                    is_told_apart || !named.selectors.iter().any(of_a_service),
                    "{what}: of which key service?"
                );
            }
        }
    }
    for alert in alerts()? {
        let told: String = alert.annotations.values().map(String::as_str).collect();
        assert!(
            !told.contains("KMS") && !told.contains("Google"),
            "{}: {told}",
            alert.name
        );
    }
    Ok(())
}

#[test]
fn every_panel_is_explained_beside_a_picture_of_its_dashboard() -> Result<()> {
    let docs = workspace::root().join("docs/src");
    let page = fs::read_to_string(docs.join("operations/dashboards.md"))?;
    let explained: BTreeSet<_> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split(" | ").next())
        .flat_map(|titles| [titles].into_iter().chain(titles.split(", ")))
        .collect();
    for name in DASHBOARDS {
        let dashboard = dashboard(name)?;
        for panel in panels(&dashboard) {
            let title = text(panel, "title");
            assert!(explained.contains(title), "{name}: {title} has no row");
        }
        let picture = format!("images/dashboards/{name}.png");
        assert!(page.contains(&format!("](../{picture})")), "{name} has no picture");
        let size = fs::metadata(docs.join(picture))?.len();
        assert!(size < 400_000, "{name}: the picture has {size} bytes");
    }
    Ok(())
}
