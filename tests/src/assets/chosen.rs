//! The Kubernetes version of the tests: the newest supported one, or the one that `KUBERNETES` names.

use anyhow::{Result, bail};
use crds::kubernetes::{NEWEST, OLDEST};

use super::module::Module;
use super::{pinned, set_variable};

const VARIABLE: &str = "KUBERNETES";

/// A version of Kubernetes that this repository pins.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Pinned {
    Oldest,
    Newest,
}

impl Pinned {
    /// # Errors
    /// `KUBERNETES` names a version that is not pinned, or `KUBEBUILDER_ASSETS` determines it already.
    pub fn chosen() -> Result<Self> {
        let Some(wanted) = set_variable(VARIABLE) else {
            return Ok(Self::Newest);
        };
        if set_variable("KUBEBUILDER_ASSETS").is_some() {
            bail!(
                "{VARIABLE} and KUBEBUILDER_ASSETS are both set, and each names the Kubernetes to test on: unset one of them"
            );
        }
        Self::named(&wanted)
    }

    fn named(wanted: &str) -> Result<Self> {
        let is = |minor: u32| wanted == format!("1.{minor}");
        if is(OLDEST) {
            return Ok(Self::Oldest);
        }
        if is(NEWEST) {
            return Ok(Self::Newest);
        }
        bail!(
            "{VARIABLE}: found {wanted:?}, expected 1.{OLDEST} (the oldest that is supported) or 1.{NEWEST} (the newest, also \
             where it is not set)"
        );
    }

    /// The Go module of its control plane. etcd is the same for all versions.
    pub fn control_plane(self) -> &'static Module {
        match self {
            Self::Oldest => &pinned::KUBERNETES_OLDEST,
            Self::Newest => &pinned::KUBERNETES,
        }
    }

    /// The Go module of its second node.
    pub fn second_node(self) -> &'static Module {
        match self {
            Self::Oldest => self.node(),
            Self::Newest => &pinned::KUBERNETES_OLD_NODE,
        }
    }

    /// The Go module of its nodes.
    pub fn node(self) -> &'static Module {
        match self {
            Self::Oldest => &pinned::KUBERNETES_OLDEST_NODE,
            Self::Newest => &pinned::KUBERNETES_NODE,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many minor versions a kubelet may be older than its API server, by Kubernetes' version skew policy.
    const KUBELET_SKEW: u32 = 3;

    #[test]
    fn a_version_that_is_not_pinned_is_refused_with_those_that_are() {
        assert_eq!(Pinned::named(&format!("1.{OLDEST}")).unwrap(), Pinned::Oldest);
        assert_eq!(Pinned::named(&format!("1.{NEWEST}")).unwrap(), Pinned::Newest);
        for wrong in ["1.2", "1.30.14", "oldest", "v1.30"] {
            let error = Pinned::named(wrong).unwrap_err().to_string();
            for expected in [wrong, &format!("1.{OLDEST} "), &format!("1.{NEWEST} ")] {
                assert!(error.contains(expected), "{error}");
            }
        }
    }

    #[test]
    fn what_is_pinned_is_what_is_supported() {
        for (pinned, minor) in [(Pinned::Oldest, OLDEST), (Pinned::Newest, NEWEST)] {
            for module in [pinned.control_plane(), pinned.node()] {
                let version = module.version().unwrap();
                assert!(
                    version.starts_with(&format!("v1.{minor}.")),
                    "{}: {version}",
                    module.folder
                );
            }
        }
        let version = pinned::KUBERNETES_OLD_NODE.version().unwrap();
        assert!(
            version.starts_with(&format!("v1.{}.", NEWEST - KUBELET_SKEW)),
            "{version}"
        );
    }
}
