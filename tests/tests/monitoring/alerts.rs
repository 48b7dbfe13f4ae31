//! Prometheus accepts the alerts, they fire when they should and not otherwise, and each has its section in the
//! documentation.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, ensure};
use serde_json::Value;
use tests::monitoring::{Alert, alerts, alerts_file, each, text};
use tests::{assets, workspace};

const SEVERITIES: [&str; 2] = ["critical", "warning"];

fn promtool(arguments: &[&str]) -> Result<String> {
    let output = Command::new(assets::promtool()?).args(arguments).output()?;
    let said = String::from_utf8([output.stdout, output.stderr].concat())?;
    ensure!(output.status.success(), "promtool {arguments:?}: {said}");
    Ok(said)
}

/// The files with the cases for the alerts.
fn cases() -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(workspace::root().join("tests/alerts"))?;
    Ok(entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?)
}

#[test]
fn prometheus_takes_every_alert() -> Result<()> {
    let file = alerts_file();
    let said = promtool(&["check", "rules", "--lint=all", "--lint-fatal", file.to_str().unwrap()])?;
    let found = format!("{} rules found", alerts()?.len());
    assert!(said.contains(&found), "{said}");
    Ok(())
}

#[test]
fn every_alert_fires_when_it_should_and_is_silent_when_it_should() -> Result<()> {
    let (mut fires, mut is_silent) = (BTreeSet::new(), BTreeSet::new());
    for file in cases()? {
        promtool(&["test", "rules", file.to_str().unwrap()])?;
        let file: Value = serde_yaml::from_str(&fs::read_to_string(file)?)?;
        for case in each(&file, "tests").flat_map(|test| each(test, "alert_rule_test")) {
            let is_expected = each(case, "exp_alerts").next().is_some();
            let tried = if is_expected { &mut fires } else { &mut is_silent };
            tried.insert(text(case, "alertname").to_owned());
        }
    }
    let all: BTreeSet<_> = alerts()?.into_iter().map(|alert| alert.name).collect();
    assert_eq!(fires, all, "for each alert a case in which it fires, in tests/alerts");
    assert_eq!(
        is_silent, all,
        "for each alert a case in which it does not, in tests/alerts"
    );
    Ok(())
}

fn page() -> Result<String> {
    Ok(fs::read_to_string(
        workspace::root().join("docs/src/operations/alerts.md"),
    )?)
}

#[test]
fn every_alert_has_a_section_that_says_what_to_type_and_every_section_is_an_alert() -> Result<()> {
    let page = page()?;
    let sections: Vec<_> = page.split("\n## ").skip(1).collect();
    let headings: BTreeSet<_> = sections.iter().filter_map(|section| section.lines().next()).collect();
    let alerts = alerts()?;
    let names: BTreeSet<_> = alerts.iter().map(|alert| alert.name.as_str()).collect();
    assert_eq!(headings, names);
    for section in sections {
        for part in ["**Meaning.**", "**Impact.**", "**Diagnosis.**", "**Mitigation.**"] {
            assert!(section.contains(part), "{part} is missing in: {section}");
        }
    }
    for Alert { name, labels, .. } in &alerts {
        let row = format!("| {} | [{name}](#{}) |", labels["severity"], name.to_lowercase());
        assert!(page.contains(&row), "the table has no row {row}");
    }
    Ok(())
}

#[test]
fn every_alert_says_how_urgent_it_is_and_where_to_read_on() -> Result<()> {
    for alert in alerts()? {
        let Alert {
            name,
            labels,
            annotations,
            held_for,
            ..
        } = alert;
        assert!(SEVERITIES.contains(&labels["severity"].as_str()), "{name}");
        assert!(
            held_for.is_some() || labels["severity"] == "warning",
            "{name}: a scrape that fails would wake somebody"
        );
        let told: Vec<_> = annotations.keys().map(String::as_str).collect();
        assert_eq!(told, ["description", "runbook_url", "summary"], "{name}");
        let anchor = format!("/docs/src/operations/alerts.md#{}", name.to_lowercase());
        assert!(
            annotations["runbook_url"].ends_with(&anchor),
            "{name}: {}",
            annotations["runbook_url"]
        );
    }
    Ok(())
}
