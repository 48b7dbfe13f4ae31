//! The system's Prometheus, with a scrape interval of one second.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::eventually;
use crate::process::{Directory, Port, Process};
use crate::signer_process::exchange;

const READY_WITHIN: Duration = Duration::from_secs(30);

/// A scraped target, with the labels that the chart's ServiceMonitors would add.
pub struct Target {
    pub port: u16,
    pub job: &'static str,
    pub path: &'static str,
    pub namespace: String,
    pub pod: String,
}

/// Ends when it is dropped.
pub struct Prometheus {
    _process: Process,
    port: Port,
    _directory: Directory,
}

impl Prometheus {
    /// Starts the program that `PROMETHEUS` names, or the one in `PATH`.
    ///
    /// # Errors
    /// If there is none, or it is not ready within 30 seconds.
    pub async fn start(targets: &[Target]) -> Result<Self> {
        let directory = Directory::new()?;
        let configuration = directory.path().join("prometheus.json");
        let scrapes: Vec<_> = targets.iter().map(scrape).collect();
        let global = json!({"scrape_interval": "1s", "scrape_timeout": "1s"});
        let text = json!({"global": global, "scrape_configs": scrapes}).to_string();
        fs::write(&configuration, text)?;
        let port = Port::reserve()?;
        let log = directory.path().join("prometheus.log");
        let data = directory.path().join("data");
        let mut process = Process::start(&program()?, &log, directory.lifeline(), |command| {
            command
                .arg(format!("--config.file={}", configuration.display()))
                .arg(format!("--storage.tsdb.path={}", data.display()))
                .arg(format!("--web.listen-address=127.0.0.1:{}", port.number()));
        })?;
        let number = port.number();
        eventually(READY_WITHIN, "Prometheus", async || {
            process.still_runs()?;
            get(number, "/-/ready".to_owned()).await.map(drop)
        })
        .await?;
        Ok(Self {
            _process: process,
            port,
            _directory: directory,
        })
    }

    /// The value of an expression at each step of this time, or at its end.
    pub async fn query(&self, expression: &str, time: &std::ops::Range<u64>, step: Option<u64>) -> Result<Value> {
        let query = encoded(expression);
        let path = match step {
            Some(step) => format!(
                "/api/v1/query_range?query={query}&start={}&end={}&step={step}",
                time.start, time.end
            ),
            None => format!("/api/v1/query?query={query}&time={}", time.end),
        };
        let answer = get(self.port.number(), path).await.context(expression.to_owned())?;
        let mut answer: Value = serde_json::from_str(&answer)?;
        Ok(answer["data"]["result"].take())
    }
}

fn program() -> Result<PathBuf> {
    if let Some(program) = env::var_os("PROMETHEUS").filter(|program| !program.is_empty()) {
        return Ok(program.into());
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path).map(|folder| folder.join("prometheus"));
    found
        .into_iter()
        .find(|file| file.is_file())
        .context("no prometheus in PATH, and PROMETHEUS names none: `make dashboards-preview` has one")
}

fn scrape(target: &Target) -> Value {
    json!({
        // Distinguished by pod. The job's name is a label as well.
        "job_name": target.pod,
        "honor_labels": true,
        "metrics_path": target.path,
        "static_configs": [{
            "targets": [format!("127.0.0.1:{}", target.port)],
            "labels": {"namespace": target.namespace, "pod": target.pod, "job": target.job},
        }],
    })
}

/// A GET with HTTP/1.0, whose answer is not chunked.
async fn get(port: u16, path: String) -> Result<String> {
    let request = format!("GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n");
    let answer = tokio::task::spawn_blocking(move || exchange(port, request.as_bytes())).await??;
    ensure!(answer.status == 200, "{}: {}", answer.status, answer.body);
    Ok(answer.body)
}

fn encoded(text: &str) -> String {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric();
    text.bytes()
        .map(|byte| {
            if is_plain(&byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}
