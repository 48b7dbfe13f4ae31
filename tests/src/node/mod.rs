//! Two real nodes on this computer for a [`ControlPlane`], as root: each with kubelet, containerd, kube-proxy and
//! kube-router, and one kube-scheduler for both. The second node has the oldest version that the control plane
//! supports.
//!
//! containerd, runc and the CNI plugins are Debian's. Each node has a network namespace of its own. A bridge connects
//! them to an address of this computer at which the API server listens. No other computer can reach that address.

mod machine;
mod member;

use std::net::Ipv4Addr;
use std::path::PathBuf;

use anyhow::Result;

pub use self::machine::Machine;
use self::member::{Member, Seat};
use crate::assets;
use crate::control_plane::ControlPlane;
use crate::process::Process;

/// Address of the API server and of every other server that nodes and pods use.
pub const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 244, 77, 1);
/// Network of the pods of both nodes.
const ALL_PODS: &str = "10.244.78.0/23";
const SEATS: [Seat; 2] = [
    Seat {
        name: "node-1",
        zone: "zone-1",
        address: Ipv4Addr::new(10, 244, 77, 11),
        pods: "10.244.78.0/24",
    },
    Seat {
        name: "node-2",
        zone: "zone-2",
        address: Ipv4Addr::new(10, 244, 77, 12),
        pods: "10.244.79.0/24",
    },
];

/// The programs of the nodes, in the order in which they end. After that, this computer has its earlier settings.
pub struct Nodes {
    _scheduler: Process,
    members: Vec<Member>,
    _machine: Machine,
}

impl Nodes {
    /// Starts them, with these images, and waits until the API server reports them as ready.
    ///
    /// # Errors
    /// With the last lines of the log of the program that did not start.
    pub async fn start(plane: &ControlPlane, machine: Machine, images: &[PathBuf]) -> Result<Self> {
        let programs = tokio::task::spawn_blocking(assets::kubernetes_node).await??;
        let old_programs = tokio::task::spawn_blocking(assets::kubernetes_second_node).await??;
        let kube_router = tokio::task::spawn_blocking(assets::kube_router).await??;
        let mut members = vec![];
        for (seat, programs) in SEATS.iter().zip([programs, old_programs]) {
            members.push(Member::start(plane, &machine, seat, programs, images).await?);
        }
        let of_scheduler = plane.user("system:kube-scheduler", &[])?;
        let log = plane.directory().path().join("kube-scheduler.log");
        let mut scheduler = Process::start(
            &programs.join("kube-scheduler"),
            &log,
            plane.directory().lifeline(),
            |command| {
                command.arg(format!("--kubeconfig={}", of_scheduler.path().display()));
                command.args(["--secure-port=0", "--leader-elect=false"]);
            },
        )?;
        for member in &mut members {
            member.becomes_ready(plane, kube_router).await?;
        }
        scheduler.still_runs()?;
        Ok(Self {
            _scheduler: scheduler,
            members,
            _machine: machine,
        })
    }

    /// A shell command that adds an image whose archive is `$1`.
    pub fn import_command(&self) -> String {
        let commands: Vec<_> = self.members.iter().map(Member::import_command).collect();
        commands.join(" && ")
    }
}
