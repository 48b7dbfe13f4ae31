//! Who may log in, with which permissions.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use kube::Api;
use kube::api::PostParams;
use serde_json::json;

use super::{MOUNT, OpenBao};
use crate::ControlPlane;

/// A login method for Kubernetes tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Asks the API server about each token.
    Kubernetes,
    /// Knows the public keys of the API server.
    Jwt,
}

impl Method {
    /// Name and mount of the method, and the value of `ATTO_SIGNER_VAULT_AUTH`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Kubernetes => "kubernetes",
            Self::Jwt => "jwt",
        }
    }
}

/// The minimum permissions of a voter: signing with one key, and reading its public half.
pub fn voter_policy(key: &str) -> String {
    format!(
        "path \"{MOUNT}/keys/{key}\" {{ capabilities = [\"read\"] }}\npath \"{MOUNT}/sign/{key}\" {{ capabilities = [\"update\"] }}\n"
    )
}

impl OpenBao {
    /// Writes a policy under this name.
    ///
    /// # Errors
    /// OpenBao refuses.
    pub fn write_policy(&self, name: &str, policy: &str) -> Result<()> {
        let file = self.folder().join(format!("{name}.hcl"));
        fs::write(&file, policy)?;
        let file = file.to_str().context("the folder's name is not UTF-8")?;
        self.bao(&["policy", "write", name, file]).map(|_| ())
    }

    /// The policy of a voter with this key, of the key's name.
    ///
    /// # Errors
    /// OpenBao refuses.
    pub fn allow_voter(&self, key: &str) -> Result<()> {
        self.write_policy(key, &voter_policy(key))
    }

    /// A token with this policy and these further settings, such as `-ttl=2s`.
    ///
    /// # Errors
    /// OpenBao refuses.
    pub fn token(&self, policy: &str, settings: &[&str]) -> Result<String> {
        let policy = format!("-policy={policy}");
        let command = [&["token", "create", "-field=token", policy.as_str()], settings].concat();
        Ok(self.bao(&command)?.trim().to_owned())
    }

    /// A token in a file of this name, as an agent would write it.
    ///
    /// # Errors
    /// OpenBao refuses.
    pub fn token_file(&self, name: &str, policy: &str, settings: &[&str]) -> Result<PathBuf> {
        let file = self.folder().join(name);
        fs::write(&file, self.token(policy, settings)?)?;
        Ok(file)
    }

    /// Lets service accounts of this cluster log in with a method, at its default mount.
    ///
    /// # Errors
    /// If either refuses.
    pub async fn trust(&self, method: Method, cluster: &ControlPlane) -> Result<()> {
        self.bao(&["auth", "enable", method.name()])?;
        let file = |name: &str| cluster.directory().path().join(name);
        match method {
            Method::Kubernetes => {
                let reviewer = reviewer(cluster).await?;
                let config = json!({
                    "kubernetes_host": cluster.url(),
                    "kubernetes_ca_cert": fs::read_to_string(file("ca.crt"))?,
                    "token_reviewer_jwt": reviewer,
                });
                self.write_json("auth/kubernetes/config", &config)
            }
            Method::Jwt => {
                let config = json!({ "jwt_validation_pubkeys": [fs::read_to_string(file("service-account.pub"))?] });
                self.write_json("auth/jwt/config", &config)
            }
        }
    }

    /// A role for the service account `voter` of this namespace, with the policy of this key and this lifetime of tokens.
    ///
    /// # Errors
    /// OpenBao refuses.
    pub fn allow_account(
        &self,
        method: Method,
        role: &str,
        namespace: &str,
        audience: &str,
        key: &str,
        ttl: &str,
    ) -> Result<()> {
        let mut settings = json!({ "token_policies": [key], "token_ttl": ttl });
        let own = match method {
            Method::Kubernetes => json!({
                "bound_service_account_names": ["voter"],
                "bound_service_account_namespaces": [namespace],
                "audience": audience,
            }),
            Method::Jwt => json!({
                "role_type": "jwt",
                "user_claim": "sub",
                "bound_audiences": [audience],
                "bound_subject": format!("system:serviceaccount:{namespace}:voter"),
            }),
        };
        for (name, value) in own.as_object().into_iter().flatten() {
            settings[name] = value.clone();
        }
        self.write_json(&format!("auth/{}/role/{role}", method.name()), &settings)
    }

    fn write_json(&self, path: &str, value: &serde_json::Value) -> Result<()> {
        let file = self.folder().join("written.json");
        fs::write(&file, value.to_string())?;
        let from = format!("@{}", file.display());
        self.bao(&["write", path, &from]).map(|_| ())
    }
}

/// A token that may review other tokens at the API server.
async fn reviewer(cluster: &ControlPlane) -> Result<String> {
    let namespace = cluster.namespace("openbao").await?;
    cluster.create_account(&namespace, "reviewer").await?;
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": { "name": namespace },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "system:auth-delegator" },
        "subjects": [{ "kind": "ServiceAccount", "name": "reviewer", "namespace": namespace }],
    });
    let bindings: Api<k8s_openapi::api::rbac::v1::ClusterRoleBinding> = Api::all(cluster.client().await?);
    bindings
        .create(&PostParams::default(), &serde_json::from_value(binding)?)
        .await?;
    cluster.admin().token(&namespace, "reviewer", vec![], 3_600).await
}
