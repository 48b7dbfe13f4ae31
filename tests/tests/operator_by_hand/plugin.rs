//! `kubectl atto-signer`, as kubectl starts it.

use std::env;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use flate2::read::GzDecoder;
use serde_json::{Value, json};
use tests::operated::{Place, SOON, TOKEN, VOTER, binding, secret, voter, with};
use tests::{assets, eventually, pods, workspace};

struct Said {
    code: Option<i32>,
    output: String,
    error: String,
}

/// kubectl searches for its plugins in the folders of PATH.
async fn plugin(place: &Place, arguments: &[&str]) -> Result<Said> {
    let program = tokio::task::spawn_blocking(|| workspace::program("kubectl-atto_signer")).await??;
    let folder = program.parent().context("no folder")?;
    let path = env::join_paths(
        [folder].into_iter().chain(
            env::split_paths(&env::var_os("PATH").unwrap_or_default())
                .collect::<Vec<_>>()
                .iter()
                .map(AsRef::as_ref),
        ),
    )?;
    let output = tokio::process::Command::new(&assets::kubernetes()?.kubectl)
        .arg("atto-signer")
        .args(arguments)
        .current_dir(place.operated.plane.directory().path())
        .env("PATH", path)
        .env("KUBECONFIG", place.operated.plane.admin().path())
        .env("COLUMNS", "80")
        .kill_on_drop(true)
        .output()
        .await?;
    Ok(Said {
        code: output.status.code(),
        output: String::from_utf8(output.stdout)?,
        error: String::from_utf8(output.stderr)?,
    })
}

async fn succeeds(place: &Place, arguments: &[&str]) -> Result<String> {
    let said = plugin(place, arguments).await?;
    ensure!(
        said.code == Some(0),
        "{arguments:?}: {:?}: {}{}",
        said.code,
        said.output,
        said.error
    );
    Ok(said.output)
}

#[tokio::test]
async fn the_plugin_shows_bindings_and_what_to_do() -> Result<()> {
    let place = Place::new("plugin-status").await?;
    let of = ["--namespace", &place.namespace];
    let none = succeeds(&place, &["status", of[0], of[1]]).await?;
    assert_eq!(
        none,
        format!(
            "No SignerBindings in namespace {}; -A takes all namespaces.\n",
            place.namespace
        )
    );

    place.apply(&binding()).await?;
    place.condition("Injected", "False", "DeploymentNotFound").await?;
    let missing = plugin(&place, &["status", of[0], of[1]]).await?;
    assert_eq!(missing.code, Some(1), "{}{}", missing.output, missing.error);
    for part in ["NAMESPACE", "READY", "DeploymentNotFound", "next"] {
        assert!(missing.output.contains(part), "{part}:\n{}", missing.output);
    }
    assert!(
        missing.output.lines().skip(2).all(|line| line.chars().count() <= 80),
        "{}",
        missing.output
    );

    place.apply(&voter()).await?;
    place.condition("Injected", "True", "Injected").await?;
    pods::roll_out(&place.client, &place.namespace, VOTER).await?;
    place.condition("RolledOut", "True", "RolledOut").await?;
    let (_, json) = eventually(SOON, "a binding that is ready", async || {
        let said = plugin(&place, &["status", of[0], of[1], "--output=json"]).await?;
        let json: Value = serde_json::from_str(&said.output)?;
        ensure!(json["items"][0]["ready"] != "Unknown", "{json}");
        Ok((said.code, json))
    })
    .await?;
    assert_eq!(json["apiVersion"], "cli.signer.atto.cash/v1");
    assert_eq!(json["kind"], "SignerBindingStatusList");
    let item = &json["items"][0];
    assert_eq!(
        (&item["namespace"], &item["name"]),
        (&json!(place.namespace), &json!(VOTER))
    );
    assert_eq!(item["targets"][0]["name"], VOTER);
    let yaml = plugin(&place, &["status", "sb/voter", of[0], of[1], "-o", "yaml"]).await?;
    let yaml: Value = serde_yaml::from_str(&yaml.output)?;
    assert_eq!(yaml["items"][0]["targets"], item["targets"]);

    let wide = plugin(&place, &["status", VOTER, of[0], of[1]]).await?.output;
    assert!(wide.contains("deployment/voter, injected, pods"), "{wide}");
    let absent = plugin(&place, &["status", "another", of[0], of[1]]).await?;
    assert_eq!(absent.code, Some(66), "{}", absent.error);
    assert!(
        absent.error.contains("found no SignerBinding another"),
        "{}",
        absent.error
    );
    let elsewhere = plugin(&place, &["status", "--context=another"]).await?;
    assert_eq!(elsewhere.code, Some(69), "{}", elsewhere.error);
    assert!(
        elsewhere.error.contains("--context: found no context \"another\""),
        "{}",
        elsewhere.error
    );

    let explained = plugin(&place, &["explain", "signerbinding/voter", of[0], of[1]]).await?;
    assert!(
        explained.output.contains("carries the operator's signer"),
        "{}",
        explained.output
    );
    let whole: Value = serde_json::from_str(&plugin(&place, &["check", "-o", "json"]).await?.output)?;
    assert_eq!(
        (&whole["kind"], &whole["items"][0]["verdict"]),
        (&json!("CheckList"), &json!("Ok"))
    );
    let at_work = whole["items"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|item| item["about"] == "operator");
    assert_eq!(at_work.context("no operator")?["verdict"], "Ok", "{whole}");
    let script = succeeds(&place, &["completion", "bash"]).await?;
    assert!(script.contains("kubectl-atto_signer"), "{script}");
    Ok(())
}

#[tokio::test]
async fn the_plugin_approves_the_change_that_it_shows() -> Result<()> {
    let place = Place::new("plugin-approve").await?;
    let of = ["--namespace", &place.namespace];
    place.apply(&voter()).await?;
    place.apply(&with(binding(), "/spec/rollout", json!("Manual"))).await?;
    place.condition("Injected", "False", "ApprovalPending").await?;
    let plan = succeeds(&place, &["plan", of[0], of[1]]).await?;
    assert!(
        plan.contains("waits for an approval") && plan.contains('+') && plan.contains("name: signer"),
        "{plan}"
    );

    let nobody = plugin(&place, &["approve", VOTER, of[0], of[1]]).await?;
    assert_eq!(nobody.code, Some(64), "{}", nobody.error);
    assert!(nobody.error.contains("--yes"), "{}", nobody.error);
    place.condition("Injected", "False", "ApprovalPending").await?;

    let approved = plugin(&place, &["approve", VOTER, of[0], of[1], "--yes"]).await?;
    assert_eq!(approved.code, Some(0), "{}", approved.error);
    assert!(approved.error.contains("name: signer"), "{}", approved.error);
    place.condition("Injected", "True", "Injected").await?;
    eventually(SOON, "no plan", async || {
        let said = plugin(&place, &["approve", VOTER, of[0], of[1], "--yes"]).await?;
        ensure!(said.code == Some(65), "{:?}: {}", said.code, said.error);
        Ok(())
    })
    .await?;
    assert_eq!(
        succeeds(&place, &["plan", of[0], of[1]]).await?,
        "No change waits for an approval.\n"
    );
    Ok(())
}

fn files(archive: &Path) -> Result<Vec<(String, String)>> {
    let mut tar = tar::Archive::new(GzDecoder::new(File::open(archive)?));
    let files = tar.entries()?.map(|entry| {
        let mut entry = entry?;
        let mut text = String::new();
        entry.read_to_string(&mut text)?;
        Ok((entry.path()?.display().to_string(), text))
    });
    files.collect()
}

#[tokio::test]
async fn a_report_holds_what_helps_and_nothing_secret() -> Result<()> {
    let place = Place::new("plugin-report").await?;
    place
        .apply(&secret("database", "password", "a-secret-of-the-database"))
        .await?;
    let node = "/spec/template/spec/containers/0/env/0/value";
    place.apply(&with(voter(), node, json!("a-secret-of-the-node"))).await?;
    place.apply(&binding()).await?;
    place.condition("Injected", "True", "Injected").await?;
    let archive = place
        .operated
        .plane
        .directory()
        .path()
        .join(format!("{}.tar.gz", place.namespace));
    let file = archive.display().to_string();
    let arguments = ["report", "--namespace", &place.namespace, "--file", &file];
    let said = succeeds(&place, &arguments).await?;
    assert!(said.starts_with(&format!("Wrote {file}: ")), "{said}");

    let files = files(&archive)?;
    let text = |name: &str| {
        let found = files
            .iter()
            .find(|(path, _)| *path == format!("atto-signer-report/{name}"));
        let found = found.map(|(_, text)| text.as_str());
        found.with_context(|| {
            format!(
                "no {name} in {:?}",
                files.iter().map(|(path, _)| path).collect::<Vec<_>>()
            )
        })
    };
    let deployments: Value = serde_yaml::from_str(text(&format!("{}/deployments.yaml", place.namespace))?)?;
    let pod = &deployments["items"][0]["spec"]["template"]["spec"];
    assert_eq!(deployments["items"][0]["kind"], "Deployment");
    assert_eq!(pod["initContainers"][0]["name"], "signer");
    assert!(text(&format!("{}/signerbindings.yaml", place.namespace))?.contains("Injected"));
    assert!(text("check.txt")?.contains("ok: Kubernetes"));
    assert!(text("cluster/policies.yaml")?.contains("signer-operator-guard"));
    for secret in [TOKEN, "a-secret-of-the-node", "a-secret-of-the-database"] {
        for (path, text) in &files {
            assert!(!text.contains(secret), "{secret} in {path}");
        }
    }
    let again = plugin(&place, &arguments).await?;
    assert_eq!(again.code, Some(74), "{}", again.error);
    assert!(again.error.contains("exists already"), "{}", again.error);
    Ok(())
}
