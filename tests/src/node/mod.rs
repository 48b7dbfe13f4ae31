//! A Kubernetes node on this computer: kubelet, containerd, kube-proxy and kube-scheduler of a [`ControlPlane`], as root.
//!
//! containerd, runc and the CNI plugins are Debian's. The pods' bridge has an address that only this computer can reach, on which
//! the API server listens.

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::assets::{self, cache_root};
use crate::control_plane::ControlPlane;
use crate::process::Process;
use crate::{eventually, workspace};

/// The bridge's address, used by the node, the API server, and other services for pods.
pub const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 244, 77, 1);
const SUBNET: &str = "10.244.77.0/24";
const BRIDGE: &str = "atto-e2e0";
const NAME: &str = "node";
const READY_WITHIN: Duration = Duration::from_mins(2);
/// Debian packages, and a file of each.
const NEEDED: [(&str, &str); 6] = [
    ("/usr/bin/containerd", "containerd"),
    ("/usr/bin/ctr", "containerd"),
    ("/usr/sbin/runc", "runc"),
    ("/usr/lib/cni/bridge", "containernetworking-plugins"),
    ("/usr/sbin/iptables", "iptables"),
    ("/usr/sbin/conntrack", "conntrack"),
];

/// The computer's part of a node: the bridge, cgroups and settings. Only one node can run at a time.
pub struct Machine {
    folder: PathBuf,
    _lock: fs::File,
}

impl Machine {
    /// Reserves the computer, and cleans up leftovers of a killed run.
    ///
    /// # Errors
    /// Names what to install, or reports that another node runs.
    pub fn take() -> Result<Self> {
        ensure!(
            nix::unistd::geteuid().is_root(),
            "a node of our own takes root; set KUBECONFIG to use a cluster that is there"
        );
        let missing: Vec<_> = NEEDED.iter().filter(|(file, _)| !Path::new(file).exists()).collect();
        if !missing.is_empty() {
            let packages: std::collections::BTreeSet<_> = missing.iter().map(|(_, package)| *package).collect();
            let packages: Vec<_> = packages.into_iter().collect();
            bail!(
                "a node of our own needs Debian's packages: apt-get install --no-install-recommends {}",
                packages.join(" ")
            );
        }
        let root = cache_root()?;
        fs::create_dir_all(&root)?;
        let lock = fs::File::create(root.join("node.lock"))?;
        lock.try_lock().context("another node runs on this machine")?;
        let machine = Self {
            folder: root.join("node"),
            _lock: lock,
        };
        machine.clean();
        Self::run(&["prepare", &machine.path(""), BRIDGE, &ADDRESS.to_string(), SUBNET])?;
        Ok(machine)
    }

    fn path(&self, name: &str) -> String {
        self.folder
            .join(name)
            .display()
            .to_string()
            .trim_end_matches('/')
            .to_owned()
    }

    fn script(arguments: &[&str]) -> Command {
        let mut command = Command::new("/bin/sh");
        command
            .arg(workspace::root().join("tests/src/node/node.sh"))
            .args(arguments)
            .stdin(Stdio::null());
        command
    }

    fn run(arguments: &[&str]) -> Result<()> {
        let done = Self::script(arguments).output().context("cannot run node.sh")?;
        ensure!(
            done.status.success(),
            "node.sh {}: {}",
            arguments[0],
            String::from_utf8_lossy(&done.stderr)
        );
        Ok(())
    }

    /// Ignores errors, because there may be nothing to clean up.
    fn clean(&self) {
        let _ = Self::script(&["clean", &self.path(""), BRIDGE]).status();
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.clean();
    }
}

/// The programs of the node, in the order in which they end. Afterwards the computer is in its earlier state.
pub struct Node {
    _proxy: Process,
    _scheduler: Process,
    kubelet: Option<Process>,
    _containerd: Process,
    machine: Machine,
}

impl Node {
    /// Starts a node with these images, and waits until it is Ready.
    ///
    /// # Errors
    /// With the last lines of the log of the program that did not start.
    pub async fn start(plane: &ControlPlane, machine: Machine, images: &[PathBuf]) -> Result<Self> {
        let programs = tokio::task::spawn_blocking(assets::kubernetes_node).await??;
        let folder = &machine.folder;
        fs::copy(plane.directory().path().join("ca.crt"), folder.join("ca.crt"))?;
        for (name, user, groups) in [
            ("kubelet", "system:node:node", &["system:nodes"][..]),
            ("kube-scheduler", "system:kube-scheduler", &[]),
            ("kube-proxy", "system:kube-proxy", &[]),
        ] {
            let written = plane.user(user, groups)?;
            fs::copy(written.path(), folder.join(format!("{name}.kubeconfig")))?;
        }
        // The cleanup finds it there.
        fs::copy(programs.join("kube-proxy"), folder.join("kube-proxy"))?;
        let start = |program: &Path, arguments: &[String]| {
            let name = program.file_name().unwrap_or_default().to_string_lossy();
            let log = folder.join(format!("{name}.log"));
            Process::start(program, &log, plane.directory().lifeline(), |command| {
                command.args(arguments);
            })
        };
        let config = format!("--config={}", machine.path("containerd/config.toml"));
        let mut containerd = start(Path::new("/usr/bin/containerd"), &[config])?;
        for image in images {
            import(&machine, &mut containerd, image).await?;
        }
        let kubeconfig = |name: &str| format!("--kubeconfig={}", machine.path(&format!("{name}.kubeconfig")));
        let mut kubelet = start(
            &programs.join("kubelet"),
            &[
                format!("--config={}", machine.path("kubelet.yaml")),
                kubeconfig("kubelet"),
                format!("--root-dir={}", machine.path("kubelet")),
                format!("--cert-dir={}", machine.path("kubelet/certificates")),
                format!("--hostname-override={NAME}"),
                format!("--node-ip={ADDRESS}"),
            ],
        )?;
        let mut scheduler = start(
            &programs.join("kube-scheduler"),
            &[
                kubeconfig("kube-scheduler"),
                "--secure-port=0".to_owned(),
                "--leader-elect=false".to_owned(),
            ],
        )?;
        let mut proxy = start(
            &programs.join("kube-proxy"),
            &[format!("--config={}", machine.path("kube-proxy.yaml"))],
        )?;
        eventually(READY_WITHIN, "the node", async || {
            for program in [&mut kubelet, &mut scheduler, &mut proxy] {
                program.still_runs()?;
            }
            let ready = r#"jsonpath={.status.conditions[?(@.type=="Ready")].status}"#;
            let answer = plane.admin().kubectl(&["get", "node", NAME, "--output", ready]).await?;
            ensure!(
                answer.stdout == "True",
                "{}{}\n{}",
                answer.stdout,
                answer.stderr,
                kubelet.last_lines()
            );
            Ok(())
        })
        .await?;
        Ok(Self {
            _proxy: proxy,
            _scheduler: scheduler,
            kubelet: Some(kubelet),
            _containerd: containerd,
            machine,
        })
    }

    /// A shell command that adds an image whose archive is `$1`.
    pub fn import_command(&self) -> String {
        format!("{} \"$1\"", ctr(&self.machine).join(" "))
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // A running kubelet would restart the removed pods.
        self.kubelet = None;
    }
}

fn ctr(machine: &Machine) -> Vec<String> {
    let socket = machine.path("containerd/containerd.sock");
    let command = format!("/usr/bin/ctr --address {socket} --namespace k8s.io images import --snapshotter overlayfs");
    command.split(' ').map(str::to_owned).collect()
}

async fn import(machine: &Machine, containerd: &mut Process, image: &Path) -> Result<()> {
    let command = ctr(machine);
    eventually(Duration::from_mins(1), "an image in containerd", async || {
        containerd.still_runs()?;
        let done = tokio::process::Command::new(&command[0])
            .args(&command[1..])
            .arg(image)
            .output()
            .await?;
        ensure!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        Ok(())
    })
    .await
}
