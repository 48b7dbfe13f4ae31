//! `operator preflight`: checks everything that the operator requires of a cluster, before a voter depends on it.

mod crd;
pub mod finding;
mod guard;
mod issuer;
mod others;
pub mod permissions;

use clap::Args;
use crds::kubernetes::OLDEST;
use k8s_openapi::apimachinery::pkg::version::Info;
use kube::Client;

use self::finding::{Finding, Verdict, unavailable};
use crate::cluster::connect::Choice;
use crate::cluster::fence::Fence;
use crate::cluster::liveness::Liveness;
use crate::cluster::{connect, deadline};
use crate::config::{LeaseArgs, ScopeArgs};
use crate::model::scope::Scope;

/// Flags of `operator preflight`.
#[derive(Args, Debug)]
pub struct PreflightArgs {
    #[command(flatten)]
    pub lease: LeaseArgs,

    #[command(flatten)]
    pub scope: ScopeArgs,

    #[command(flatten)]
    pub cluster: Choice,
}

/// Checks the chosen cluster, and returns a line for each finding.
///
/// # Errors
/// No cluster is configured.
pub async fn examine(arguments: PreflightArgs) -> anyhow::Result<Vec<Finding>> {
    let PreflightArgs { lease, scope, cluster } = arguments;
    let client = connect::client(cluster, &Liveness::default(), &Fence::open()).await?;
    let namespace = lease
        .lease_namespace
        .unwrap_or_else(|| client.default_namespace().to_owned());
    Ok(examine_with(&client, &scope.into(), &namespace).await)
}

/// The checks that a person can make: all except the operator's permissions and whether it is active.
pub async fn examine_from_outside(client: &Client) -> Vec<Finding> {
    let scope = Scope::default();
    let version = match deadline("ask for the version", client.apiserver_version()).await {
        Ok(version) => version,
        Err(error) => return vec![unavailable("cluster", &error)],
    };
    let mut findings = vec![cluster(&version), crd::examine(client, &scope).await];
    findings.extend(guard::examine(client, &scope, minor(&version)).await);
    findings.push(issuer::examine(client).await);
    findings.extend(others::examine_from_outside(client, &scope).await);
    findings
}

async fn examine_with(client: &Client, scope: &Scope, lease_namespace: &str) -> Vec<Finding> {
    let version = match deadline("ask for the version", client.apiserver_version()).await {
        Ok(version) => version,
        Err(error) => return vec![unavailable("cluster", &error)],
    };
    let mut findings = vec![
        cluster(&version),
        crd::examine(client, scope).await,
        permissions::examine(client, scope, lease_namespace).await,
        permissions::examine_trial(client, scope).await,
    ];
    findings.extend(guard::examine(client, scope, minor(&version)).await);
    findings.push(issuer::examine(client).await);
    findings.push(others::examine(client, scope, lease_namespace).await);
    findings
}

fn cluster(version: &Info) -> Finding {
    let found = &version.git_version;
    if minor(version) < OLDEST {
        let text = format!(
            "found Kubernetes {found}, expected 1.{OLDEST} or later: older versions are not tested and lack the guard"
        );
        return Finding::new(Verdict::Unfit, "cluster", text);
    }
    Finding::new(Verdict::Ok, "cluster", format!("Kubernetes {found}"))
}

/// Managed clusters may report `30+`.
fn minor(version: &Info) -> u32 {
    let digits: String = version.minor.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap_or(0)
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
        let find = |text: &str| cluster(&version(text)).to_string();
        let oldest = format!("{OLDEST}+");
        assert_eq!(find(&oldest), format!("cluster      ok: Kubernetes v1.{oldest}.0"));
        let (older, expected) = (OLDEST - 1, format!("expected 1.{OLDEST} or later"));
        let refused = find(&older.to_string());
        assert!(
            refused.contains(&format!("FAILED: found Kubernetes v1.{older}.0, {expected}")),
            "{refused}"
        );
    }
}
