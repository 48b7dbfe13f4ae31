//! `operator preflight`: everything that the operator needs of a cluster, before a voter depends on it.

mod crd;
mod guard;
pub mod permissions;

use std::fmt;

use k8s_openapi::apimachinery::pkg::version::Info;
use kube::Client;

use crate::controller::context::deadline;
use crate::exit;
use crate::model::error::Error;
use crate::model::scope::Scope;

/// Native sidecars are on by default from this minor version of Kubernetes 1 on.
const SIDECARS: u32 = 29;
/// A ValidatingAdmissionPolicy is served as v1 from this minor version of Kubernetes 1 on.
const GUARD: u32 = 30;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    Ok,
    /// It works, and could be safer.
    Warning,
    /// The API server cannot be asked.
    Unavailable,
    /// A permission is missing.
    Denied,
    /// The cluster lacks something.
    Unfit,
}

impl Verdict {
    /// What the command exits with, as sysexits has it.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Ok | Self::Warning => 0,
            Self::Unavailable => exit::UNAVAILABLE,
            Self::Denied => exit::PERMISSION,
            Self::Unfit => exit::CONFIGURATION,
        }
    }
}

/// One line of the report.
#[derive(Debug)]
pub struct Finding {
    pub verdict: Verdict,
    pub about: &'static str,
    pub text: String,
}

impl Finding {
    fn new(verdict: Verdict, about: &'static str, text: impl Into<String>) -> Self {
        Self {
            verdict,
            about,
            text: text.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match self.verdict {
            Verdict::Ok => "ok",
            Verdict::Warning => "WARNING",
            Verdict::Unavailable | Verdict::Denied | Verdict::Unfit => "FAILED",
        };
        write!(formatter, "{:<12} {verdict}: {}", self.about, self.text)
    }
}

/// Looks at everything, and returns a line for each thing.
pub async fn examine(client: &Client, scope: &Scope, lease_namespace: &str) -> Vec<Finding> {
    let version = match deadline("ask for the version", client.apiserver_version()).await {
        Ok(version) => version,
        Err(error) => return vec![unavailable("cluster", &error)],
    };
    let minor = minor(&version);
    vec![
        cluster(&version, minor),
        crd::examine(client, scope).await,
        permissions::examine(client, scope, lease_namespace).await,
        guard::examine(client, scope, minor >= GUARD).await,
    ]
}

fn cluster(version: &Info, minor: u32) -> Finding {
    let found = &version.git_version;
    if minor < SIDECARS {
        let text = format!(
            "found Kubernetes {found}, expected 1.{SIDECARS} or later: older ones do not start a signer before its node"
        );
        return Finding::new(Verdict::Unfit, "cluster", text);
    }
    Finding::new(Verdict::Ok, "cluster", format!("Kubernetes {found}"))
}

/// Managed clusters write `30+`.
fn minor(version: &Info) -> u32 {
    let digits: String = version.minor.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap_or(0)
}

fn unavailable(about: &'static str, error: &Error) -> Finding {
    let verdict = if error.is_forbidden() {
        Verdict::Denied
    } else {
        Verdict::Unavailable
    };
    Finding::new(verdict, about, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_cluster_is_told_what_it_lacks() {
        let version = |minor: &str| Info {
            major: "1".to_owned(),
            minor: minor.to_owned(),
            git_version: format!("v1.{minor}.0"),
            ..Info::default()
        };
        let find = |text: &str| cluster(&version(text), minor(&version(text))).to_string();
        assert_eq!(find("30+"), "cluster      ok: Kubernetes v1.30+.0");
        assert!(find("28").starts_with("cluster      FAILED: found Kubernetes v1.28.0, expected 1.29 or later"));
    }
}
