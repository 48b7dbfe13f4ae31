//! The chart's dashboards and alerts, for checks and drawings.

mod exposed;
pub mod promql;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::Value;

pub use exposed::Exposed;

use crate::chart;

/// Labels that Prometheus adds to series that it scrapes through the chart's ServiceMonitors.
pub const SCRAPE_LABELS: [&str; 6] = ["namespace", "pod", "service", "job", "instance", "le"];

/// The dashboards, by file name.
pub const DASHBOARDS: [&str; 2] = ["signer", "operator"];

/// An alert.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alert {
    #[serde(rename = "alert")]
    pub name: String,
    pub expr: String,
    #[serde(default, rename = "for")]
    pub held_for: Option<String>,
    pub labels: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
}

/// The file of the alerts.
pub fn alerts_file() -> PathBuf {
    chart::folder().join("files/alerts.yaml")
}

/// All alerts.
///
/// # Errors
/// If their file has another format.
pub fn alerts() -> Result<Vec<Alert>> {
    #[derive(Deserialize)]
    struct File {
        groups: Vec<Group>,
    }
    #[derive(Deserialize)]
    struct Group {
        rules: Vec<Alert>,
    }
    let file: File = serde_yaml::from_str(&fs::read_to_string(alerts_file())?)?;
    Ok(file.groups.into_iter().flat_map(|group| group.rules).collect())
}

/// A dashboard as Grafana receives it.
///
/// # Errors
/// The dashboard is not JSON.
pub fn dashboard(name: &str) -> Result<Value> {
    let file = chart::folder().join(format!("files/dashboards/{name}.json"));
    let text = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is no JSON", file.display()))
}

/// The members of a list.
pub fn each<'a>(value: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> {
    value[field].as_array().into_iter().flatten()
}

/// The panels of a dashboard that show data; rows are headings.
pub fn panels(dashboard: &Value) -> impl Iterator<Item = &Value> {
    each(dashboard, "panels").filter(|panel| panel["type"] != "row")
}

/// A text field.
pub fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}
