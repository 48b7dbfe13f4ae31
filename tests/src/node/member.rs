//! One of the nodes.

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, ensure};

use super::machine::Machine;
use crate::control_plane::{ControlPlane, SERVICES};
use crate::eventually;
use crate::process::Process;

const READY_WITHIN: Duration = Duration::from_mins(2);

/// The properties in which the nodes differ.
pub struct Seat {
    pub name: &'static str,
    pub zone: &'static str,
    /// Address of the node itself.
    pub address: Ipv4Addr,
    /// Network of its pods.
    pub pods: &'static str,
}

/// Its programs, in the order in which they end. The kubelet ends first, because it would start ended programs again.
pub struct Member {
    kubelet: Process,
    proxy: Process,
    router: Option<Process>,
    containerd: Process,
    folder: PathBuf,
    name: &'static str,
}

impl Member {
    /// Starts the programs, with these images.
    pub async fn start(
        plane: &ControlPlane,
        machine: &Machine,
        seat: &Seat,
        programs: &Path,
        images: &[PathBuf],
    ) -> Result<Self> {
        let (name, folder) = (seat.name, machine.folder_of(seat));
        fs::copy(plane.directory().path().join("ca.crt"), folder.join("ca.crt"))?;
        for (program, user, groups) in [
            ("kubelet", format!("system:node:{name}"), &["system:nodes"][..]),
            ("kube-proxy", "system:kube-proxy".to_owned(), &[]),
            ("kube-router", "kube-router".to_owned(), &["system:masters"]),
        ] {
            let written = plane.user(&user, groups)?;
            fs::copy(written.path(), folder.join(format!("{program}.kubeconfig")))?;
        }
        let path = |name: &str| folder.join(name).display().to_string();
        let config = format!("--config={}", path("containerd/config.toml"));
        let mut containerd = start(plane, &folder, name, Path::new("/usr/bin/containerd"), &[config])?;
        for image in images {
            import(&folder, &mut containerd, image).await?;
        }
        let kubelet = start(
            plane,
            &folder,
            name,
            &programs.join("kubelet"),
            &[
                format!("--config={}", path("kubelet.yaml")),
                format!("--kubeconfig={}", path("kubelet.kubeconfig")),
                format!("--root-dir={}", path("kubelet")),
                format!("--cert-dir={}", path("kubelet/certificates")),
                format!("--hostname-override={name}"),
                format!("--node-ip={}", seat.address),
                format!("--node-labels=topology.kubernetes.io/zone={}", seat.zone),
            ],
        )?;
        let proxy = start(
            plane,
            &folder,
            name,
            &programs.join("kube-proxy"),
            &[format!("--config={}", path("kube-proxy.yaml"))],
        )?;
        Ok(Self {
            kubelet,
            proxy,
            router: None,
            containerd,
            folder,
            name,
        })
    }

    /// Waits until the API server reports the node as ready. From then on, kube-router enforces NetworkPolicies.
    pub async fn becomes_ready(&mut self, plane: &ControlPlane, kube_router: &Path) -> Result<()> {
        eventually(READY_WITHIN, self.name, async || {
            for program in [&mut self.kubelet, &mut self.proxy, &mut self.containerd] {
                program.still_runs()?;
            }
            let ready = r#"jsonpath={.status.conditions[?(@.type=="Ready")].status}"#;
            let get = ["get", "node", self.name, "--output", ready];
            let answer = plane.admin().kubectl(&get).await?;
            ensure!(
                answer.stdout == "True",
                "{}{}\n{}",
                answer.stdout,
                answer.stderr,
                self.kubelet.last_lines()
            );
            Ok(())
        })
        .await?;
        let kubeconfig = self.folder.join("kube-router.kubeconfig");
        // kube-router only enforces NetworkPolicies here. It exits if its node is not registered yet.
        let router = start(
            plane,
            &self.folder,
            self.name,
            kube_router,
            &[
                format!("--kubeconfig={}", kubeconfig.display()),
                format!("--hostname-override={}", self.name),
                "--run-firewall=true".to_owned(),
                "--run-router=false".to_owned(),
                "--run-service-proxy=false".to_owned(),
                format!("--service-cluster-ip-range={SERVICES}"),
                "--metrics-port=0".to_owned(),
            ],
        )?;
        self.router.insert(router).still_runs()?;
        Ok(())
    }

    /// A shell command that adds an image to the node. `$1` is the archive.
    pub fn import_command(&self) -> String {
        format!("{} \"$1\"", ctr(&self.folder).join(" "))
    }
}

/// Only the network is the node's own, because a mount by one program must be visible to all.
fn start(plane: &ControlPlane, folder: &Path, name: &str, program: &Path, arguments: &[String]) -> Result<Process> {
    let log = folder
        .join(program.file_name().unwrap_or_default())
        .with_extension("log");
    let nsenter = Path::new("/usr/bin/nsenter");
    Process::start(nsenter, &log, plane.directory().lifeline(), |command| {
        command.arg(format!("--net=/run/netns/atto-e2e-{name}"));
        command.arg(program).args(arguments);
    })
}

fn ctr(folder: &Path) -> Vec<String> {
    let socket = folder.join("containerd/containerd.sock");
    let command = format!(
        "/usr/bin/ctr --address {} --namespace k8s.io images import --snapshotter overlayfs",
        socket.display()
    );
    command.split(' ').map(str::to_owned).collect()
}

async fn import(folder: &Path, containerd: &mut Process, image: &Path) -> Result<()> {
    let command = ctr(folder);
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
