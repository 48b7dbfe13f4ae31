//! Starts the three programs.

use std::net::SocketAddrV4;
use std::path::Path;

use anyhow::Result;

use crate::assets::Kubernetes;
use crate::process::{Directory, Lifeline, Process};

/// On a socket in the folder, because a port could be taken by another program.
pub fn etcd(programs: &Kubernetes, directory: &Directory) -> Result<Process> {
    let path = directory.path();
    let client = socket(path, "etcd");
    let peer = socket(path, "etcd-peer");
    Process::start(
        &programs.etcd,
        &path.join("etcd.log"),
        directory.lifeline(),
        |command| {
            command.args(["--name=tests", "--log-level=warn", "--unsafe-no-fsync"]);
            command.arg(format!("--data-dir={}", path.join("etcd").display()));
            command
                .arg(format!("--listen-client-urls={client}"))
                .arg(format!("--advertise-client-urls={client}"));
            command
                .arg(format!("--listen-peer-urls={peer}"))
                .arg(format!("--initial-advertise-peer-urls={peer}"));
            command.arg(format!("--initial-cluster=tests={peer}"));
        },
    )
}

pub fn kube_apiserver(
    programs: &Kubernetes,
    directory: &Path,
    outlived_by: Option<&Lifeline>,
    at: SocketAddrV4,
) -> Result<Process> {
    let file = |flag: &str, name: &str| format!("--{flag}={}", directory.join(name).display());
    Process::start(
        &programs.kube_apiserver,
        &directory.join("kube-apiserver.log"),
        outlived_by,
        |command| {
            command.arg(format!("--etcd-servers={}", socket(directory, "etcd")));
            command
                .arg(format!("--bind-address={}", at.ip()))
                .arg(format!("--advertise-address={}", at.ip()))
                .arg(format!("--secure-port={}", at.port()));
            // A loopback address must not become an endpoint of the `kubernetes` Service.
            let reconciler = if at.ip().is_loopback() { "none" } else { "lease" };
            command.arg(format!("--endpoint-reconciler-type={reconciler}"));
            command.arg("--kubelet-preferred-address-types=InternalIP");
            command
                .arg(format!("--service-cluster-ip-range={}", super::SERVICES))
                .arg("--allow-privileged=true");
            command.args([
                "--authorization-mode=Node,RBAC",
                "--service-account-issuer=https://kubernetes.default.svc",
            ]);
            command.args([
                file("tls-cert-file", "kube-apiserver.crt"),
                file("tls-private-key-file", "kube-apiserver.key"),
                file("client-ca-file", "ca.crt"),
                file("kubelet-client-certificate", "kubelet-client.crt"),
                file("kubelet-client-key", "kubelet-client.key"),
                file("service-account-key-file", "service-account.pub"),
                file("service-account-signing-key-file", "service-account.key"),
                file("audit-policy-file", "audit-policy.yaml"),
                file("audit-log-path", "audit.log"),
            ]);
            // In megabytes. At the default of 100, the log would be rotated, and earlier requests would be lost.
            command.arg("--audit-log-maxsize=8192");
        },
    )
}

pub fn kube_controller_manager(
    programs: &Kubernetes,
    directory: &Path,
    outlived_by: Option<&Lifeline>,
) -> Result<Process> {
    let file = |flag: &str, name: &str| format!("--{flag}={}", directory.join(name).display());
    let log = directory.join("kube-controller-manager.log");
    Process::start(&programs.kube_controller_manager, &log, outlived_by, |command| {
        command.args([
            "--use-service-account-credentials",
            "--leader-elect=false",
            "--secure-port=0",
        ]);
        // Many tests share it. With the default of 20 requests a second, they would wait for each other.
        command.args(["--kube-api-qps=500", "--kube-api-burst=1000"]);
        command.args([
            file("kubeconfig", "kube-controller-manager.kubeconfig"),
            file("service-account-private-key-file", "service-account.key"),
            file("root-ca-file", "ca.crt"),
            file("cluster-signing-cert-file", "ca.crt"),
            file("cluster-signing-key-file", "ca.key"),
        ]);
    })
}

fn socket(directory: &Path, name: &str) -> String {
    format!("unix://{}", directory.join(format!("{name}.sock")).display())
}
