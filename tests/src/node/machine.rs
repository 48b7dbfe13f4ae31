//! The nodes' part of this computer's system: their network, cgroups and settings.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use super::member::Seat;
use super::{ADDRESS, ALL_PODS, SEATS};
use crate::assets::cache_root;
use crate::workspace;

const BRIDGE: &str = "atto-e2e0";
/// Required files, each with Debian's package that contains it.
const NEEDED: [(&str, &str); 7] = [
    ("/usr/bin/containerd", "containerd"),
    ("/usr/bin/ctr", "containerd"),
    ("/usr/sbin/runc", "runc"),
    ("/usr/lib/cni/bridge", "containernetworking-plugins"),
    ("/usr/sbin/iptables", "iptables"),
    ("/usr/sbin/conntrack", "conntrack"),
    ("/usr/sbin/ipset", "ipset"),
];

/// This computer as the host of nodes. Only one run at a time may use it.
pub struct Machine {
    folder: PathBuf,
    _lock: fs::File,
}

impl Machine {
    /// Reserves this computer, and removes the leftovers of a killed run.
    ///
    /// # Errors
    /// Names the packages to install, or reports that another run has nodes here.
    pub fn take() -> Result<Self> {
        ensure!(
            nix::unistd::geteuid().is_root(),
            "nodes on this computer need root; set KUBECONFIG to use an existing cluster"
        );
        let missing: Vec<_> = NEEDED.iter().filter(|(file, _)| !Path::new(file).exists()).collect();
        if !missing.is_empty() {
            let packages: std::collections::BTreeSet<_> = missing.iter().map(|(_, package)| *package).collect();
            let packages: Vec<_> = packages.into_iter().collect();
            bail!(
                "nodes on this computer need Debian's packages: apt-get install --no-install-recommends {}",
                packages.join(" ")
            );
        }
        let root = cache_root()?;
        fs::create_dir_all(&root)?;
        let lock = fs::File::create(root.join("node.lock"))?;
        lock.try_lock().context("another run has nodes on this computer")?;
        let machine = Self {
            folder: root.join("node"),
            _lock: lock,
        };
        machine.clean();
        let (folder, gateway) = (machine.folder.display().to_string(), ADDRESS.to_string());
        Self::run(&["prepare", &folder, BRIDGE, &gateway])?;
        for seat in &SEATS {
            let others = SEATS.iter().filter(|other| other.name != seat.name);
            let ways = others.flat_map(|other| [other.pods.to_owned(), other.address.to_string()]);
            let ways = ways.collect::<Vec<_>>();
            let address = seat.address.to_string();
            let of_node = [
                "node", &folder, BRIDGE, &gateway, seat.name, &address, seat.pods, ALL_PODS,
            ];
            let of_others = ways.iter().map(String::as_str);
            Self::run(&of_node.into_iter().chain(of_others).collect::<Vec<_>>())?;
        }
        Ok(machine)
    }

    /// The folder of a node.
    pub(super) fn folder_of(&self, seat: &Seat) -> PathBuf {
        self.folder.join(seat.name)
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

    /// Ignores errors, because there may be nothing to remove.
    fn clean(&self) {
        let _ = Self::script(&["clean", &self.folder.display().to_string(), BRIDGE]).status();
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.clean();
    }
}
