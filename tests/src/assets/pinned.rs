//! The Go modules that pin the programs of the tests.

use super::module::{Module, Program};

/// A module of one program, with the name of its folder and its program.
macro_rules! module_of_one {
    ($name:literal, $versioned_by:literal, $package:literal, $takes:literal) => {
        Module {
            name: $name,
            folder: $name,
            go_mod: include_str!(concat!("../../", $name, "/go.mod")),
            go_sum: include_str!(concat!("../../", $name, "/go.sum")),
            versioned_by: $versioned_by,
            stamp: stamp_nothing,
            tags: "",
            programs: &[Program {
                name: $name,
                package: concat!($versioned_by, $package),
                takes: $takes,
            }],
        }
    };
}

pub const KUBERNETES: Module = Module {
    name: "kubernetes",
    folder: "kubernetes",
    go_mod: include_str!("../../kubernetes/go.mod"),
    go_sum: include_str!("../../kubernetes/go.sum"),
    versioned_by: "k8s.io/kubernetes",
    stamp: stamp_kubernetes,
    tags: "",
    programs: &[KUBE_APISERVER, KUBE_CONTROLLER_MANAGER, KUBECTL, ETCD],
};

/// Only for runs with pods; few tests need it.
pub const KUBERNETES_NODE: Module = Module {
    name: "kubernetes-node",
    programs: &[KUBELET, KUBE_SCHEDULER, KUBE_PROXY],
    ..KUBERNETES
};

/// The oldest supported version, with the newest one's etcd.
pub const KUBERNETES_OLDEST: Module = Module {
    folder: "kubernetes-oldest",
    go_mod: include_str!("../../kubernetes-oldest/go.mod"),
    go_sum: include_str!("../../kubernetes-oldest/go.sum"),
    programs: &[KUBE_APISERVER, KUBE_CONTROLLER_MANAGER, KUBECTL],
    ..KUBERNETES
};

pub const KUBERNETES_OLDEST_NODE: Module = Module {
    name: KUBERNETES_NODE.name,
    programs: KUBERNETES_NODE.programs,
    ..KUBERNETES_OLDEST
};

/// The oldest node that the newest control plane supports.
pub const KUBERNETES_OLD_NODE: Module = Module {
    name: KUBERNETES_NODE.name,
    folder: "kubernetes-old-node",
    go_mod: include_str!("../../kubernetes-old-node/go.mod"),
    go_sum: include_str!("../../kubernetes-old-node/go.sum"),
    programs: &[KUBELET, KUBE_PROXY],
    ..KUBERNETES
};

const KUBE_APISERVER: Program = Program {
    name: "kube-apiserver",
    package: "k8s.io/kubernetes/cmd/kube-apiserver",
    takes: "5 minutes",
};
const KUBE_CONTROLLER_MANAGER: Program = Program {
    name: "kube-controller-manager",
    package: "k8s.io/kubernetes/cmd/kube-controller-manager",
    takes: "90 seconds",
};
const KUBECTL: Program = Program {
    name: "kubectl",
    package: "k8s.io/kubernetes/cmd/kubectl",
    takes: "30 seconds",
};
const ETCD: Program = Program {
    name: "etcd",
    package: "go.etcd.io/etcd/server/v3",
    takes: "15 seconds",
};
const KUBELET: Program = Program {
    name: "kubelet",
    package: "k8s.io/kubernetes/cmd/kubelet",
    takes: "1 minute",
};
const KUBE_SCHEDULER: Program = Program {
    name: "kube-scheduler",
    package: "k8s.io/kubernetes/cmd/kube-scheduler",
    takes: "15 seconds",
};
const KUBE_PROXY: Program = Program {
    name: "kube-proxy",
    package: "k8s.io/kubernetes/cmd/kube-proxy",
    takes: "15 seconds",
};

pub const HELM: Module = Module {
    stamp: stamp_helm,
    ..module_of_one!("helm", "helm.sh/helm/v4", "/cmd/helm", "2 minutes")
};

pub const KUBE_ROUTER: Module = Module {
    name: "kube-router",
    folder: "kube-router",
    go_mod: include_str!("../../kube-router/go.mod"),
    go_sum: include_str!("../../kube-router/go.sum"),
    versioned_by: "github.com/cloudnativelabs/kube-router/v2",
    stamp: stamp_nothing,
    tags: "",
    programs: &[Program {
        name: "kube-router",
        package: "github.com/cloudnativelabs/kube-router/v2/cmd/kube-router",
        takes: "2 minutes",
    }],
};

pub const PROMETHEUS: Module = Module {
    name: "prometheus",
    folder: "prometheus",
    go_mod: include_str!("../../prometheus/go.mod"),
    go_sum: include_str!("../../prometheus/go.sum"),
    versioned_by: "github.com/prometheus/prometheus",
    stamp: stamp_prometheus,
    // Without the clients of all clouds, which only a server needs.
    tags: "remove_all_sd",
    programs: &[Program {
        name: "promtool",
        package: "github.com/prometheus/prometheus/cmd/promtool",
        takes: "3 minutes",
    }],
};

pub const HELM_UNITTEST: Module = module_of_one!(
    "helm-unittest",
    "github.com/helm-unittest/helm-unittest",
    "/cmd/helm-unittest",
    "2 minutes"
);
pub const KUBECONFORM: Module = module_of_one!(
    "kubeconform",
    "github.com/yannh/kubeconform",
    "/cmd/kubeconform",
    "10 seconds"
);
pub const HELM_DOCS: Module = module_of_one!(
    "helm-docs",
    "github.com/norwoodj/helm-docs",
    "/cmd/helm-docs",
    "20 seconds"
);
pub const ACTIONLINT: Module = module_of_one!(
    "actionlint",
    "github.com/rhysd/actionlint",
    "/cmd/actionlint",
    "10 seconds"
);
pub const CRANE: Module = module_of_one!(
    "crane",
    "github.com/google/go-containerregistry",
    "/cmd/crane",
    "15 seconds"
);
pub const COSIGN: Module = module_of_one!("cosign", "github.com/sigstore/cosign/v3", "/cmd/cosign", "4 minutes");

/// Unstamped, the API server would call itself v0.0.0-master.
fn stamp_kubernetes(version: &str) -> String {
    let mut numbers = version.trim_start_matches('v').split('.');
    let (major, minor) = (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default());
    let variable = "-X k8s.io/component-base/version";
    format!("{variable}.gitVersion={version} {variable}.gitMajor={major} {variable}.gitMinor={minor}")
}

fn stamp_helm(version: &str) -> String {
    format!("-X helm.sh/helm/v4/internal/version.version={version}")
}

fn stamp_prometheus(version: &str) -> String {
    format!("-X github.com/prometheus/common/version.Version={version}")
}

/// Their version is not used.
fn stamp_nothing(_: &str) -> String {
    String::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stamp_is_read_from_go_mod() {
        let version = KUBERNETES.version().unwrap();
        let minor = version.split('.').nth(1).unwrap();
        assert!(
            stamp_kubernetes(&version)
                .ends_with(&format!("gitMajor=1 -X k8s.io/component-base/version.gitMinor={minor}"))
        );
        assert!(HELM.version().unwrap().starts_with("v4."));
    }

    #[test]
    fn every_program_is_a_tool_of_its_module() {
        for module in [
            KUBERNETES,
            KUBERNETES_NODE,
            KUBERNETES_OLDEST,
            KUBERNETES_OLDEST_NODE,
            KUBERNETES_OLD_NODE,
            KUBE_ROUTER,
            HELM,
            PROMETHEUS,
            HELM_UNITTEST,
            KUBECONFORM,
            HELM_DOCS,
            ACTIONLINT,
            CRANE,
            COSIGN,
        ] {
            for program in module.programs {
                assert!(
                    module
                        .go_mod
                        .lines()
                        .any(|line| line.trim_start_matches("tool ").trim() == program.package),
                    "tests/{}/go.mod has no tool line for {}",
                    module.folder,
                    program.package,
                );
            }
        }
    }
}
