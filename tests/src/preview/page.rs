//! A page with all panels of a dashboard, and its picture.

use std::fs;
use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Map, Value, json};
use tokio::process::Command;
use tokio::time::timeout;

use super::prometheus::Prometheus;
use crate::monitoring::{dashboard, each, panels, text};
use crate::process::Directory;

/// Resolution of a drawing, in seconds.
const STEP: u64 = 1;
const RATE_INTERVAL: &str = "8s";
/// A placeholder price, which shows how the panel uses a price.
const PRICE: &str = "1";

const WIDTH: u64 = 1440;
/// Height of a grid row with the gap below it, as in `page.css`.
const ROW: u64 = 40;
const HEADER: u64 = 122;

const DRAWN_WITHIN: Duration = Duration::from_mins(1);

/// The parts of a page, in order.
const STYLE: &str = include_str!("../../preview/page.css");
const SCRIPTS: [&str; 3] = [
    include_str!("../../preview/units.js"),
    include_str!("../../preview/charts.js"),
    include_str!("../../preview/panels.js"),
];

/// Sends all queries of the dashboard to Prometheus, and draws the results.
pub async fn draw(name: &str, prometheus: &Prometheus, time: Range<u64>, picture: &Path) -> Result<()> {
    let dashboard = dashboard(name)?;
    let mut answers = Map::new();
    for panel in panels(&dashboard) {
        let mut of_panel = Vec::new();
        for target in each(panel, "targets") {
            let expression = chosen(text(target, "expr"), &time);
            let step = (target["instant"] != true).then_some(STEP);
            of_panel.push(prometheus.query(&expression, &time, step).await?);
        }
        answers.insert(panel["id"].to_string(), Value::Array(of_panel));
    }
    let rows = each(&dashboard, "panels").filter_map(|panel| {
        let at = &panel["gridPos"];
        Some(at["y"].as_u64()? + at["h"].as_u64()?)
    });
    let height = HEADER + ROW * rows.max().unwrap_or_default();
    let page = json!({
        "dashboard": dashboard,
        "answers": answers,
        "range": {"start": time.start, "end": time.end, "step": STEP},
        "rateInterval": RATE_INTERVAL,
        "variables": {"datasource": "Prometheus", "namespace": "All", "pod": "All", "gcp_price": PRICE, "aws_price": PRICE},
    });
    let directory = Directory::new()?;
    let file = directory.path().join("page.html");
    fs::write(&file, html(&page))?;
    photograph(&directory, &file, height, picture).await
}

/// The expression with Grafana's values for all pods.
fn chosen(expression: &str, time: &Range<u64>) -> String {
    let range = format!("{}s", time.end - time.start);
    let filled = [
        ("$__rate_interval", RATE_INTERVAL),
        ("$__range", &range),
        ("$namespace", ".*"),
        ("$pod", ".*"),
        ("$gcp_price", PRICE),
        ("$aws_price", PRICE),
    ];
    filled
        .into_iter()
        .fold(expression.to_owned(), |text, (name, value)| text.replace(name, value))
}

fn html(page: &Value) -> String {
    // `</` would end the script.
    let data = page.to_string().replace("</", "<\\/");
    let scripts = SCRIPTS.join("\n");
    format!(
        "<!doctype html><meta charset=\"utf-8\"><style>{STYLE}</style><body><script>\nconst PAGE = {data};\n{scripts}</script>"
    )
}

async fn photograph(directory: &Directory, page: &Path, height: u64, picture: &Path) -> Result<()> {
    let mut chromium = Command::new("chromium");
    chromium
        .args(["--headless", "--disable-gpu", "--hide-scrollbars", "--no-first-run"])
        .arg(format!(
            "--user-data-dir={}",
            directory.path().join("profile").display()
        ))
        .arg(format!("--window-size={WIDTH},{height}"))
        .arg(format!("--screenshot={}", picture.display()));
    if nix::unistd::geteuid().is_root() {
        // Its sandbox protects against foreign pages, and it opens only this one.
        chromium.arg("--no-sandbox");
    }
    chromium.arg(format!("file://{}", page.display())).kill_on_drop(true);
    let done = timeout(DRAWN_WITHIN, chromium.output())
        .await
        .context("chromium does not end")?;
    let done = done.context("cannot run chromium: install it")?;
    let said = String::from_utf8_lossy(&done.stderr);
    ensure!(done.status.success() && picture.is_file(), "chromium: {said}");
    Ok(())
}
