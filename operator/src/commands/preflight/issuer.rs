//! The issuer of the cluster's ServiceAccount tokens. A key service outside the cluster must know it to accept them.

use kube::Client;

use super::finding::{Finding, Verdict};
use crate::cluster::issuer::issuer;

const ABOUT: &str = "issuer";

/// Host suffixes that only resolve inside the cluster.
const WITHIN: [&str; 2] = [".svc", ".svc.cluster.local"];

pub async fn examine(client: &Client) -> Finding {
    told(issuer(client).await.as_deref())
}

fn told(issuer: Option<&str>) -> Finding {
    let Some(issuer) = issuer else {
        return Finding::new(
            Verdict::Warning,
            ABOUT,
            "the issuer of this cluster's ServiceAccount tokens cannot be read from /.well-known/openid-configuration, which the ClusterRole system:service-account-issuer-discovery grants: the commands that IdentityReady prints have a placeholder for it",
        );
    };
    let host = issuer
        .trim_start_matches("https://")
        .split(['/', ':'])
        .next()
        .unwrap_or_default();
    let note = if WITHIN.iter().any(|end| host.ends_with(end)) {
        "; that name is only known inside the cluster: AWS KMS with roleArn cannot be used, Google's federation needs the cluster's keys uploaded (--jwk-json-path), and Vault needs the API server's address"
    } else {
        ""
    };
    Finding::new(
        Verdict::Ok,
        ABOUT,
        format!("{issuer} signs the ServiceAccount tokens of this cluster, for key services that accept them{note}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_that_only_the_cluster_knows_is_told_of() {
        let of = |issuer: &str| told(Some(issuer)).to_string();
        assert!(of("https://oidc.eks.eu-central-1.amazonaws.com/id/1").ends_with("accept them"));
        for within in [
            "https://kubernetes.default.svc",
            "https://kubernetes.default.svc.cluster.local:443",
        ] {
            assert!(of(within).contains("only known inside the cluster"), "{}", of(within));
        }
        assert!(told(None).to_string().contains("WARNING"));
    }
}
