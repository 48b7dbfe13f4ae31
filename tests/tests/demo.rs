//! `make demo` works on an existing cluster, cleans up after Ctrl-C, and reports an unreachable cluster.

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::time::Duration;
use std::{fs, io};

use anyhow::{Context, Result, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tests::process::{Directory, Process};
use tests::{ControlPlane, assets, eventually};

const PATIENCE: Duration = Duration::from_mins(3);

fn start(directory: &Directory, kubeconfig: Option<&Path>) -> Result<Process> {
    let program = Path::new(env!("CARGO_BIN_EXE_demo"));
    Process::start(
        program,
        &directory.path().join("demo.log"),
        directory.lifeline(),
        |command| {
            command.env_remove("DEMO_KUBECONFIG");
            if let Some(kubeconfig) = kubeconfig {
                command.env("DEMO_KUBECONFIG", kubeconfig);
            }
        },
    )
}

/// The exit code and the whole output.
async fn end(mut demo: Process) -> Result<(Option<i32>, String)> {
    let log = demo.log().to_owned();
    let status = tokio::task::spawn_blocking(move || demo.wait()).await??;
    Ok((status.code(), fs::read_to_string(log)?))
}

#[tokio::test]
async fn on_a_cluster_that_is_given_it_leaves_only_what_it_says() -> Result<()> {
    let plane = ControlPlane::shared().await?;
    let directory = Directory::new()?;
    // Another program uses the signer's port, so the binding must name other ports.
    let taken = match TcpListener::bind((Ipv4Addr::LOCALHOST, 9090)) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => None,
        bound => Some(bound?),
    };
    let (code, printed) = end(start(&directory, Some(plane.admin().path()))?).await?;
    drop(taken);
    assert_eq!(code, Some(0), "{printed}");
    assert!(
        printed.lines().last().is_some_and(|line| line.starts_with("Shown: ")),
        "{printed}"
    );
    assert!(printed.contains("kubectl patch --local"), "{printed}");
    let namespace = [
        "get",
        "namespace",
        "atto-quickstart",
        "--ignore-not-found",
        "-o",
        "name",
    ];
    assert_eq!(plane.admin().kubectl_ok(&namespace).await?, "");
    Ok(())
}

#[tokio::test]
async fn ctrl_c_leaves_no_process_and_no_file_behind() -> Result<()> {
    assets::kubernetes()?;
    let directory = Directory::new()?;
    let mut demo = start(&directory, None)?;
    let log = demo.log().to_owned();
    let folder = eventually(PATIENCE, "a voter in the demo's cluster", async || {
        demo.still_runs()?;
        let printed = fs::read_to_string(&log)?;
        ensure!(printed.contains("20-voter.yaml"), "not there yet");
        let exported = printed
            .lines()
            .find_map(|line| line.trim().strip_prefix("$ export KUBECONFIG="));
        let kubeconfig = Path::new(exported.context("no KUBECONFIG")?);
        Ok(kubeconfig.parent().context("a folder")?.to_owned())
    })
    .await?;
    assert!(!running_in(&folder)?.is_empty(), "nothing runs before Ctrl-C");

    kill(Pid::from_raw(demo.pid().cast_signed()), Signal::SIGINT)?;

    let (code, printed) = end(demo).await?;
    assert_eq!(code, Some(130), "{printed}");
    assert_eq!(running_in(&folder)?, Vec::<String>::new(), "{printed}");
    assert!(!folder.exists(), "{} is still there", folder.display());
    Ok(())
}

#[tokio::test]
async fn a_cluster_that_is_not_there_is_named() -> Result<()> {
    let directory = Directory::new()?;
    let (code, printed) = end(start(&directory, Some(Path::new("/nowhere/kubeconfig")))?).await?;
    assert_eq!(code, Some(1), "{printed}");
    assert!(
        printed.contains("DEMO_KUBECONFIG: cannot read the kubeconfig /nowhere/kubeconfig"),
        "{printed}"
    );
    Ok(())
}

/// Command lines of processes that name the folder, except this test's own.
fn running_in(folder: &Path) -> Result<Vec<String>> {
    let folder = folder.display().to_string();
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").context("this test reads /proc")? {
        // A process may end during this check.
        let command = fs::read(entry?.path().join("cmdline")).unwrap_or_default();
        let command = String::from_utf8_lossy(&command).replace('\0', " ");
        if command.contains(&folder) {
            found.push(command);
        }
    }
    Ok(found)
}
