//! Dashboards, alerts and pages name only existing metrics: with a misspelt name, a panel stays empty, and an alert
//! never fires.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use crds::conditions::{reasons, types};
use signer::backend::VENDORS;
use tests::docs;
use tests::monitoring::promql::{Matcher, names};
use tests::monitoring::{DASHBOARDS, Exposed, SCRAPE_LABELS, alerts, dashboard, each, panels, text};

use crate::shown::shown;

/// Label values that only a cluster causes, and that no program shows from its start.
fn may_be(metric: &str, label: &str, value: &str) -> bool {
    if !metric.starts_with("atto_signer_operator_") {
        return label == "backend" && VENDORS.iter().any(|vendor| vendor.name == value);
    }
    match label {
        "reason" => reasons::ALL.contains(&value),
        "condition" => types::ALL.contains(&value),
        "status" => ["True", "False", "Unknown"].contains(&value),
        _ => false,
    }
}

fn matches(metric: &str, matcher: &Matcher, shown: &Exposed) -> Result<()> {
    let labels = shown.labels(metric).into_iter().flatten();
    let values: BTreeSet<_> = labels
        .filter(|(label, _)| **label == matcher.label)
        .flat_map(|(_, values)| values)
        .collect();
    if SCRAPE_LABELS.contains(&matcher.label.as_str()) {
        return Ok(());
    }
    ensure!(!values.is_empty(), "{metric} has no label {}", matcher.label);
    for value in matcher.values() {
        let is_shown = values.iter().any(|shown| *shown == value);
        ensure!(
            is_shown || may_be(metric, &matcher.label, value),
            "{metric}: {} is never {value}, but one of {values:?}",
            matcher.label
        );
    }
    Ok(())
}

/// Whether all names in an expression exist, and all labels that are taken from its result.
fn exists(expression: &str, legend: &[&str], shown: &Exposed) -> Result<()> {
    let named = names(expression);
    ensure!(!named.selectors.is_empty(), "it names no metric");
    let mut labels: BTreeSet<&str> = SCRAPE_LABELS.into();
    for selector in &named.selectors {
        let metric = &selector.metric;
        let of_metric = shown.labels(metric);
        ensure!(of_metric.is_some(), "there is no metric {metric}");
        labels.extend(of_metric.into_iter().flatten().map(|(label, _)| label.as_str()));
        for matcher in &selector.matchers {
            matches(metric, matcher, shown)?;
        }
    }
    let grouped = named.grouped_by.iter().map(String::as_str);
    for label in grouped.chain(legend.iter().copied()) {
        ensure!(labels.contains(label), "no metric of it has the label {label}");
    }
    Ok(())
}

/// `{{label}}` of a legend, `$labels.label` of an annotation.
fn between<'a>(text: &'a str, start: &str, end: &[char]) -> Vec<&'a str> {
    let parts = text.split(start).skip(1);
    parts.filter_map(|part| part.split(end).next()).collect()
}

#[tokio::test]
async fn every_metric_label_and_value_is_what_the_programs_show() -> Result<()> {
    let shown = shown().await?;
    for alert in alerts()? {
        let told: String = alert.annotations.values().map(String::as_str).collect();
        let labels = between(&told, "$labels.", &[' ', '}']);
        exists(&alert.expr, &labels, &shown).map_err(|error| error.context(alert.name))?;
    }
    for name in DASHBOARDS {
        let dashboard = dashboard(name)?;
        for panel in panels(&dashboard) {
            for target in each(panel, "targets") {
                let legend = between(text(target, "legendFormat"), "{{", &['}']);
                let found = exists(text(target, "expr"), &legend, &shown);
                found.map_err(|error| error.context(format!("{name}: {}", text(panel, "title"))))?;
            }
        }
        for variable in each(&dashboard["templating"], "list").filter(|one| one["type"] == "query") {
            let query = text(&variable["query"], "query");
            let (metric, label) = between(query, "(", &[')'])[0].rsplit_once(", ").unwrap();
            exists(metric, &[label], &shown).map_err(|error| error.context(format!("{name}: {query}")))?;
        }
    }
    Ok(())
}

/// Words of a page that have the form of a metric's name.
fn mentioned(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|sign: char| !(sign.is_ascii_lowercase() || sign == '_'));
    words.filter(|word| {
        // Names without the first part are earlier names of the metrics.
        let rest = word
            .strip_prefix("atto_signer_")
            .or_else(|| word.strip_prefix("signer_operator_"));
        rest.is_some_and(|rest| !rest.is_empty() && !rest.ends_with('_'))
    })
}

#[tokio::test]
async fn every_metric_that_a_page_names_is_shown() -> Result<()> {
    let shown = shown().await?;
    for page in docs::pages()?.values() {
        for metric in mentioned(&page.text) {
            // The changelog also has earlier names.
            let now = format!("atto_{metric}");
            let metric = if page.path == "CHANGELOG.md" && metric.starts_with("signer_operator_") {
                &now
            } else {
                metric
            };
            let is_shown = ["", "_bucket"]
                .iter()
                .any(|end| shown.labels(&format!("{metric}{end}")).is_some());
            ensure!(is_shown, "{}: there is no metric {metric}", page.path);
        }
    }
    Ok(())
}

#[test]
fn what_is_not_shown_is_found() {
    assert_eq!(
        mentioned("`atto_signer_a_total{kind=\"vote\"}`, not atto_signer_*").collect::<Vec<_>>(),
        ["atto_signer_a_total"]
    );
    let shown = Exposed::of(["atto_signer_a_total{kind=\"vote\"} 1\n"]);
    let refused = |expression: &str, legend: &[&str]| exists(expression, legend, &shown).unwrap_err().to_string();
    assert!(
        exists(
            "sum by (kind, pod) (rate(atto_signer_a_total{kind=~\"vote\"}[5m]))",
            &["kind"],
            &shown
        )
        .is_ok()
    );
    assert!(refused("sum(atto_signer_a)", &[]).contains("no metric atto_signer_a"));
    assert!(refused("atto_signer_a_total{type=\"vote\"}", &[]).contains("no label type"));
    assert!(refused("atto_signer_a_total{kind=~\"vote|blok\"}", &[]).contains("never blok"));
    assert!(refused("sum by (code) (atto_signer_a_total)", &[]).contains("label code"));
    assert!(refused("atto_signer_a_total", &["code"]).contains("label code"));
}
