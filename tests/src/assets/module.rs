//! The pinned Go modules and the programs they give.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::{cache, go, progress};

/// A Go module of this repository whose `go.mod` pins the programs that are built from it.
pub struct Module {
    name: &'static str,
    /// Relative to this crate.
    folder: &'static str,
    go_mod: &'static str,
    go_sum: &'static str,
    /// The requirement whose version the programs report.
    versioned_by: &'static str,
    /// Linker flags, given that version.
    stamp: fn(&str) -> String,
    /// Build tags, separated by commas.
    tags: &'static str,
    programs: &'static [Program],
}

struct Program {
    name: &'static str,
    package: &'static str,
    /// On two cores with empty caches.
    takes: &'static str,
}

pub const KUBERNETES: Module = Module {
    name: "kubernetes",
    folder: "kubernetes",
    go_mod: include_str!("../../kubernetes/go.mod"),
    go_sum: include_str!("../../kubernetes/go.sum"),
    versioned_by: "k8s.io/kubernetes",
    stamp: stamp_kubernetes,
    tags: "",
    programs: &[
        Program {
            name: "kube-apiserver",
            package: "k8s.io/kubernetes/cmd/kube-apiserver",
            takes: "5 minutes",
        },
        Program {
            name: "kube-controller-manager",
            package: "k8s.io/kubernetes/cmd/kube-controller-manager",
            takes: "90 seconds",
        },
        Program {
            name: "kubectl",
            package: "k8s.io/kubernetes/cmd/kubectl",
            takes: "30 seconds",
        },
        Program {
            name: "etcd",
            package: "go.etcd.io/etcd/server/v3",
            takes: "15 seconds",
        },
    ],
};

/// Only where pods run: few tests need it.
pub const KUBERNETES_NODE: Module = Module {
    name: "kubernetes-node",
    programs: &[
        Program {
            name: "kubelet",
            package: "k8s.io/kubernetes/cmd/kubelet",
            takes: "1 minute",
        },
        Program {
            name: "kube-scheduler",
            package: "k8s.io/kubernetes/cmd/kube-scheduler",
            takes: "15 seconds",
        },
        Program {
            name: "kube-proxy",
            package: "k8s.io/kubernetes/cmd/kube-proxy",
            takes: "15 seconds",
        },
    ],
    ..KUBERNETES
};

pub const HELM: Module = Module {
    name: "helm",
    folder: "helm",
    go_mod: include_str!("../../helm/go.mod"),
    go_sum: include_str!("../../helm/go.sum"),
    versioned_by: "helm.sh/helm/v4",
    stamp: stamp_helm,
    tags: "",
    programs: &[Program {
        name: "helm",
        package: "helm.sh/helm/v4/cmd/helm",
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

impl Module {
    /// Builds what is missing of the module's programs (or of the one named) and returns the folder that holds them.
    pub fn build(&self, only: Option<&str>) -> Result<PathBuf> {
        let version = self.version()?;
        let flags = format!("-s -w {}", (self.stamp)(&version));
        let mut decided_by = vec![self.go_mod, self.go_sum, &flags];
        if !self.tags.is_empty() {
            decided_by.push(self.tags);
        }
        let directory = cache::directory(self.name, &version, &decided_by)?;
        let wanted = || {
            self.programs
                .iter()
                .filter(|program| only.is_none_or(|name| name == program.name))
        };
        let is_built = |program: &&Program| directory.join(program.name).is_file();
        if wanted().all(|program| is_built(&program)) {
            return Ok(directory);
        }
        let _lock = cache::lock(&directory)?;
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(self.folder);
        let missing: Vec<_> = wanted().filter(|program| !is_built(program)).collect();
        go::require(
            self.go_mod,
            &missing
                .iter()
                .map(|program| program.name)
                .collect::<Vec<_>>()
                .join(", "),
        )?;
        for Program { name, package, takes } in missing {
            progress(&format!(
                "building {name} {version}, once, about {takes} on two cores …"
            ));
            let unfinished = directory.join(format!(".{name}.unfinished"));
            go::build(&source, self.tags, &flags, package, &unfinished)?;
            fs::rename(&unfinished, directory.join(name)).with_context(|| format!("cannot put {name} in its place"))?;
        }
        Ok(directory)
    }

    /// As `go.mod` pins it, with its leading `v`.
    pub fn version(&self) -> Result<String> {
        let required = |line: &str| {
            let mut words = line.trim_start_matches("require ").split_whitespace();
            (words.next() == Some(self.versioned_by))
                .then(|| words.next().map(str::to_owned))
                .flatten()
        };
        self.go_mod
            .lines()
            .find_map(required)
            .filter(|version| version.starts_with('v'))
            .with_context(|| {
                format!(
                    "tests/{}/go.mod requires no version of {}",
                    self.folder, self.versioned_by
                )
            })
    }
}

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
        for module in [KUBERNETES, KUBERNETES_NODE, HELM, PROMETHEUS] {
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
