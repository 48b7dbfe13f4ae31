//! The test harness provides a real Kubernetes, identities with exactly their rights, and leaves nothing behind.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use crds::kubernetes::{NEWEST, OLDEST};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::Api;
use kube::api::{ListParams, PostParams};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;
use tests::process::{Directory, Process};
use tests::{ControlPlane, assets, eventually};

#[tokio::test]
async fn the_server_reports_the_version_that_is_pinned() -> Result<()> {
    let plane = ControlPlane::shared().await?;
    let version = plane.client().await?.apiserver_version().await?;
    match &assets::kubernetes()?.version {
        Some(pinned) => assert_eq!(version.git_version, *pinned),
        None => assert!(version.git_version.starts_with('v'), "{}", version.git_version),
    }
    Ok(())
}

#[tokio::test]
async fn a_service_account_may_only_what_its_role_says() -> Result<()> {
    let plane = ControlPlane::shared().await?;
    let namespace = plane.namespace("account").await?;
    let admin = plane.admin();
    let in_namespace = ["-n", &namespace];
    for command in [
        &["create", "serviceaccount", "reader"][..],
        &[
            "create",
            "role",
            "reader",
            "--verb=get",
            "--resource=secrets",
            "--resource-name=allowed",
        ],
        &[
            "create",
            "rolebinding",
            "reader",
            "--role=reader",
            &format!("--serviceaccount={namespace}:reader"),
        ],
        &["create", "secret", "generic", "allowed", "--from-literal=key=value"],
        &["create", "secret", "generic", "other", "--from-literal=key=value"],
    ] {
        admin.kubectl_ok(&[command, &in_namespace].concat()).await?;
    }

    let account = plane.service_account(&namespace, "reader").await?;
    let secrets = Api::<Secret>::namespaced(account.client().await?, &namespace);
    secrets.get("allowed").await?;
    for refused in [
        secrets.get("other").await.map(drop),
        secrets.list(&ListParams::default()).await.map(drop),
    ] {
        let error = refused.expect_err("the role does not allow it");
        assert!(
            matches!(&error, kube::Error::Api(status) if status.code == 403),
            "{error}"
        );
    }

    let user = format!("system:serviceaccount:{namespace}:reader");
    assert_eq!(plane.count(&user, "get", "secrets")?, 2);
    assert_eq!(plane.count(&user, "list", "secrets")?, 1);
    assert_eq!(plane.count(&user, "patch", "secrets")?, 0);
    Ok(())
}

#[tokio::test]
async fn a_person_has_the_name_and_the_groups_of_the_certificate() -> Result<()> {
    let plane = ControlPlane::shared().await?;
    let namespace = plane.namespace("person").await?;
    let person = plane.user("jane", &["voters", "developers"])?;
    let answer = person
        .kubectl_ok(&["auth", "whoami", "-o", "jsonpath={.status.userInfo}"])
        .await?;
    for expected in ["jane", "voters", "developers"] {
        assert!(answer.contains(expected), "{answer}");
    }

    let config_map = serde_json::from_value::<ConfigMap>(json!({"metadata": {"name": "mine"}}))?;
    let create = async || {
        let api = Api::<ConfigMap>::namespaced(person.client().await?, &namespace);
        anyhow::Ok(
            api.create(
                &PostParams {
                    dry_run: true,
                    ..PostParams::default()
                },
                &config_map,
            )
            .await?,
        )
    };
    assert!(
        create()
            .await
            .expect_err("nothing is granted yet")
            .to_string()
            .contains("forbidden")
    );
    let grant = [
        "create",
        "rolebinding",
        "voters",
        "--clusterrole=edit",
        "--group=developers",
        "-n",
        &namespace,
    ];
    plane.admin().kubectl_ok(&grant).await?;
    // The controller-manager fills `edit` from its parts some seconds after its start.
    eventually(Duration::from_secs(30), "a grant through the second group", create).await?;
    Ok(())
}

/// Acts as the owner that is killed: starts a control plane, prints the ids of its processes, and waits.
#[tokio::test]
#[ignore = "the test below runs it, as a process of its own"]
async fn owner() -> Result<()> {
    let report = std::env::var("OWNER_REPORT").context("the test nothing_outlives_an_owner_that_is_killed sets it")?;
    let plane = ControlPlane::start().await?;
    let pids = plane.pids().map(|pid| pid.to_string()).join(" ");
    std::fs::write(report, format!("{pids}\n{}\n", plane.directory().path().display()))?;
    std::future::pending().await
}

#[tokio::test]
async fn nothing_outlives_an_owner_that_is_killed() -> Result<()> {
    assets::kubernetes()?;
    let directory = Directory::new()?;
    let report = directory.path().join("report");
    let log = directory.path().join("owner.log");
    let mut owner = Process::start(&std::env::current_exe()?, &log, directory.lifeline(), |command| {
        command
            .args(["--ignored", "--exact", "owner"])
            .env("OWNER_REPORT", &report);
    })?;
    let started = eventually(
        Duration::from_mins(2),
        "a control plane in another process",
        async || {
            owner.still_runs()?;
            let text = fs::read_to_string(&report)?;
            ensure!(text.lines().count() == 2, "the report is not whole");
            Ok(text)
        },
    );
    let text = started.await?;
    let (pids, folder) = text.trim().split_once('\n').context("two lines")?;
    let pids = pids.split(' ').map(str::parse).collect::<Result<Vec<i32>, _>>()?;
    for pid in &pids {
        assert!(is_running(*pid), "process {pid} runs before its owner is killed");
    }

    kill(Pid::from_raw(owner.pid().cast_signed()), Signal::SIGKILL)?;

    eventually(
        Duration::from_mins(1),
        "the end of all that the owner had started",
        async || {
            if let Some(pid) = pids.iter().find(|pid| is_running(**pid)) {
                bail!("process {pid} still runs");
            }
            ensure!(!Path::new(folder).exists(), "{folder} is still there");
            Ok(())
        },
    )
    .await
}

#[test]
fn without_go_one_line_says_what_to_do() -> Result<()> {
    let empty = Directory::new()?;
    let output = Command::new(env!("CARGO_BIN_EXE_assets"))
        .env("PATH", "")
        .env("XDG_CACHE_HOME", empty.path())
        .env("PREBUILT", "no")
        .env_remove("KUBEBUILDER_ASSETS")
        .env_remove("KUBERNETES")
        .env_remove("HELM")
        .output()?;
    let said = String::from_utf8(output.stderr)?;
    assert!(!output.status.success());
    assert_eq!(said.lines().count(), 1, "{said}");
    for expected in [
        "Go 1.26 or newer",
        "no go in PATH",
        "https://go.dev/dl/",
        "KUBEBUILDER_ASSETS",
    ] {
        assert!(said.contains(expected), "{said:?} lacks {expected:?}");
    }
    Ok(())
}

#[test]
fn a_go_that_is_too_old_is_told_with_its_version() -> Result<()> {
    let directory = Directory::new()?;
    let go = directory.path().join("go");
    fs::write(&go, "#!/bin/sh\necho go version go1.22.1 linux/amd64\n")?;
    fs::set_permissions(&go, fs::Permissions::from_mode(0o700))?;
    let output = Command::new(env!("CARGO_BIN_EXE_assets"))
        .env("PATH", directory.path())
        .env("XDG_CACHE_HOME", directory.path())
        .env_remove("KUBEBUILDER_ASSETS")
        .env_remove("KUBERNETES")
        .output()?;
    let said = String::from_utf8(output.stderr)?;
    assert!(!output.status.success());
    assert!(
        said.contains("Go 1.26 or newer") && said.contains("found go 1.22.1"),
        "{said}"
    );
    Ok(())
}

#[test]
fn an_assets_folder_without_the_programs_is_refused_by_name() -> Result<()> {
    let empty = Directory::new()?;
    let output = Command::new(env!("CARGO_BIN_EXE_assets"))
        .env("KUBEBUILDER_ASSETS", empty.path())
        .env_remove("KUBERNETES")
        .env_remove("HELM")
        .output()?;
    let said = String::from_utf8(output.stderr)?;
    assert!(!output.status.success());
    assert!(said.contains("lacks etcd, kube-apiserver, kubectl"), "{said}");
    Ok(())
}

#[test]
fn a_kubernetes_that_is_not_pinned_is_refused_with_those_that_are() -> Result<()> {
    let output = Command::new(env!("CARGO_BIN_EXE_assets"))
        .env("KUBERNETES", "1.29")
        .env_remove("KUBEBUILDER_ASSETS")
        .output()?;
    let said = String::from_utf8(output.stderr)?;
    assert!(!output.status.success());
    let expected = format!("found \"1.29\", expected 1.{OLDEST} (the oldest");
    assert!(
        said.contains(&expected) && said.contains(&format!("1.{NEWEST} (the newest")),
        "{said}"
    );
    Ok(())
}

#[test]
fn two_variables_that_name_a_kubernetes_are_one_too_many() -> Result<()> {
    let folder = Directory::new()?;
    let output = Command::new(env!("CARGO_BIN_EXE_assets"))
        .env("KUBERNETES", format!("1.{OLDEST}"))
        .env("KUBEBUILDER_ASSETS", folder.path())
        .output()?;
    let said = String::from_utf8(output.stderr)?;
    assert!(!output.status.success());
    assert!(
        said.contains("KUBERNETES and KUBEBUILDER_ASSETS are both set"),
        "{said}"
    );
    Ok(())
}

/// A process that has ended does not run, even if its parent has not collected it.
fn is_running(pid: i32) -> bool {
    let state = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let ended = state
        .rsplit(')')
        .next()
        .is_some_and(|rest| rest.trim_start().starts_with('Z'));
    kill(Pid::from_raw(pid), None).is_ok() && !ended
}
