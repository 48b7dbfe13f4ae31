//! Step 10: the injected signer, with exactly the environment of its container.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result, ensure};
use data_encoding::BASE64;
use serde_json::Value;

use super::{Demo, NAMESPACE, VOTER};
use crate::eventually::{SOON, eventually};
use crate::process::{Port, Process};
use crate::{signer_process, workspace};

/// A running signer.
pub struct Signer {
    process: Process,
    environment: BTreeMap<String, String>,
    pub api: u16,
    pub management: u16,
}

impl Signer {
    pub fn token(&self) -> Result<&str> {
        self.environment
            .get("ATTO_SIGNER_TOKEN")
            .map(String::as_str)
            .context("ATTO_SIGNER_TOKEN is not injected")
    }

    pub fn stop(self) -> Result<std::process::ExitStatus> {
        self.process.stop()
    }
}

pub async fn start(demo: &mut Demo) -> Result<()> {
    demo.screen
        .step("The injected signer, started with exactly the environment of its container");
    demo.screen
        .command(&format!("kubectl get deployment {VOTER} -n {NAMESPACE} -o yaml"));
    let environment = read_back(demo).await?;
    let port = |name: &str| -> Result<u16> {
        environment
            .get(name)
            .with_context(|| format!("{name} is not injected"))?
            .parse()
            .context("a port")
    };
    let (api, management) = (port("ATTO_SIGNER_PORT")?, port("ATTO_SIGNER_MANAGEMENT_PORT")?);
    let reserved = demo.ports.as_ref().map(|ports| ports.each_ref().map(Port::number));
    ensure!(
        reserved == Some([api, management]),
        "the container has other ports than the binding asked for"
    );

    let program = tokio::task::spawn_blocking(|| workspace::program("signer")).await??;
    let directory = demo.cluster.directory();
    let log = directory.path().join("signer.log");
    let mut process = Process::start(&program, &log, directory.lifeline(), |command| {
        command.env_clear().envs(&environment);
    })?;
    eventually(SOON, "the signer's /health/readiness", async || {
        process.still_runs()?;
        let answer = signer_process::get(management, "/health/readiness")?;
        ensure!(answer.status == 200, "{}", answer.body);
        Ok(())
    })
    .await?;
    ensure!(
        has_exactly(process.pid(), &environment)?,
        "the process has other variables than the container"
    );
    demo.screen
        .note("the signer, with these variables and no others, has started:");
    demo.screen.output(&fs::read_to_string(&log)?);
    demo.signer = Some(Signer {
        process,
        environment,
        api,
        management,
    });
    Ok(())
}

/// The variables of the container, with references to Secrets resolved as by the kubelet.
async fn read_back(demo: &Demo) -> Result<BTreeMap<String, String>> {
    let deployment = demo.deployment().await?;
    let containers = deployment["spec"]["template"]["spec"]["initContainers"]
        .as_array()
        .context("no init containers")?;
    let signer = containers
        .iter()
        .find(|one| one["name"] == "signer")
        .context("no container signer")?;
    let mut environment = BTreeMap::new();
    for variable in signer["env"].as_array().context("the container has no variables")? {
        let name = variable["name"].as_str().context("a variable has a name")?;
        let reference = &variable["valueFrom"]["secretKeyRef"];
        let (value, shown) = match (
            variable["value"].as_str(),
            reference["name"].as_str(),
            reference["key"].as_str(),
        ) {
            (Some(value), ..) => (value.to_owned(), value.to_owned()),
            (None, Some(secret), Some(key)) => (
                secret_value(demo, secret, key).await?,
                format!("(key {key} of Secret {secret})"),
            ),
            _ => anyhow::bail!("{name} has neither a value nor a Secret: {variable}"),
        };
        demo.screen.output(&format!("{name}={shown}"));
        environment.insert(name.to_owned(), value);
    }
    Ok(environment)
}

async fn secret_value(demo: &Demo, name: &str, key: &str) -> Result<String> {
    let get = ["get", "secret", name, "-n", NAMESPACE, "-o", "json"];
    let secret: Value = serde_json::from_str(&demo.cluster.admin().kubectl_ok(&get).await?)?;
    let value = secret["data"][key]
        .as_str()
        .with_context(|| format!("Secret {name} has no key {key}"))?;
    Ok(String::from_utf8(BASE64.decode(value.as_bytes())?)?)
}

/// Compares the operating system's view of the process' environment with the requested one, if it is available.
fn has_exactly(pid: u32, environment: &BTreeMap<String, String>) -> Result<bool> {
    let Ok(started_with) = fs::read(format!("/proc/{pid}/environ")) else {
        return Ok(true);
    };
    let text = String::from_utf8(started_with)?;
    let found: BTreeMap<_, _> = text
        .split_terminator('\0')
        .filter_map(|variable| variable.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    Ok(found == *environment)
}
