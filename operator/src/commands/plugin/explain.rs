//! `kubectl atto-signer explain`: `operator explain`, also for a SignerBinding.

use std::collections::BTreeMap;
use std::str::FromStr;

use clap::Args;
use crds::SignerBinding;
use k8s_openapi::api::apps::v1::Deployment;
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt};

use super::bindings::{self, BindingName, Found, NamespaceArgs};
use super::row::Row;
use crate::cluster::connect::Choice;
use crate::commands::terminal::Terminal;
use crate::commands::{self, DeploymentName, Failure, patiently};
use crate::config::ImageArgs;

/// Width of the labels that `explain` prints before its words.
const LABEL: usize = 13;

/// The object to explain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Object {
    Deployment(DeploymentName),
    Binding(BindingName),
}

impl FromStr for Object {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let binding = || {
            text.contains('/')
                .then(|| text.parse().ok().map(Self::Binding))
                .flatten()
        };
        text.parse()
            .ok()
            .map(Self::Deployment)
            .or_else(binding)
            .ok_or_else(|| format!("found {text:?}, expected deployment/NAME or signerbinding/NAME"))
    }
}

/// Flags of `kubectl atto-signer explain`.
#[derive(Args, Clone, Debug)]
pub struct ExplainArgs {
    /// `deployment/NAME` or `signerbinding/NAME`
    #[arg(value_name = "OBJECT")]
    pub object: Object,

    /// The namespace. Default: that of the context.
    #[arg(short, long)]
    pub namespace: Option<String>,

    #[command(flatten)]
    pub images: ImageArgs,
}

/// Explains why Deployments have a signer or not. Also returns whether all bindings that name them are ready.
///
/// # Errors
/// The object does not exist, or the API server does not answer.
pub async fn explain(choice: Choice, arguments: ExplainArgs) -> Result<(String, bool), Failure> {
    let ExplainArgs {
        object,
        namespace,
        images,
    } = arguments;
    let client = commands::connect(choice).await?;
    let namespace = namespace.unwrap_or_else(|| client.default_namespace().to_owned());
    let of = NamespaceArgs {
        namespace: Some(namespace.clone()),
        all_namespaces: false,
    };
    let (deployments, concerned) = match object {
        Object::Deployment(DeploymentName(name)) => {
            let mut found = bindings::find(&client, &of, None).await?;
            let labels = labels(&client, &namespace, &name).await?;
            found.retain(|found| is_about(found, &name, labels.as_ref()));
            (vec![name], found)
        }
        Object::Binding(name) => {
            let found = bindings::find(&client, &of, Some(&name)).await?;
            (deployments(&client, &namespace, &found).await?, found)
        }
    };
    let rows: Vec<_> = concerned.iter().map(Row::of).collect();
    let mut text = vec![];
    for name in &deployments {
        text.push(commands::explain_in(client.clone(), images.clone().into(), &namespace, name).await?);
    }
    if deployments.is_empty() {
        let told = rows.iter().map(|row| {
            format!(
                "SignerBinding {namespace}/{} names no Deployment that exists. {}\n",
                row.name, row.message
            )
        });
        text.extend(told);
    }
    let is_ready = !rows.is_empty() && rows.iter().all(Row::is_ready);
    Ok((fit(&text.join("\n")), is_ready))
}

fn fit(text: &str) -> String {
    Terminal::of_output().fitted(text, LABEL, |line| line.starts_with("  "))
}

/// Whether the binding selects the Deployment, or has reported about it. The status is written later than the binding.
fn is_about(found: &Found, deployment: &str, labels: Option<&BTreeMap<String, String>>) -> bool {
    let Ok(binding) = &found.0 else { return false };
    let target = &binding.spec.target;
    reported(binding).any(|name| name == deployment)
        || target.name.as_deref() == Some(deployment)
        || labels.is_some_and(|labels| target.selects(deployment, labels))
}

/// Labels of the Deployment. None if it does not exist, which the caller reports.
async fn labels(client: &Client, namespace: &str, name: &str) -> Result<Option<BTreeMap<String, String>>, Failure> {
    let api: Api<Deployment> = Api::namespaced(client.clone(), namespace);
    let found = patiently("read the Deployment", async || api.get_metadata_opt(name).await).await?;
    Ok(found.map(|deployment| deployment.labels().clone()))
}

fn reported(binding: &SignerBinding) -> impl Iterator<Item = &str> {
    let targets = binding.status.iter().flat_map(|status| &status.targets);
    targets.map(|target| target.name.as_str())
}

/// The existing Deployments that the bindings select or have reported about.
async fn deployments(client: &Client, namespace: &str, found: &[Found]) -> Result<Vec<String>, Failure> {
    let api: Api<Deployment> = Api::namespaced(client.clone(), namespace);
    let parameters = ListParams::default();
    let all = patiently("list the Deployments", async || api.list_metadata(&parameters).await).await?;
    let readable: Vec<_> = found.iter().filter_map(|found| found.0.as_ref().ok()).collect();
    let concerned = all.into_iter().filter(|deployment| {
        let (name, labels) = (deployment.name_any(), deployment.labels());
        readable
            .iter()
            .any(|binding| binding.spec.target.selects(&name, labels) || reported(binding).any(|one| one == name))
    });
    Ok(concerned.map(|deployment| deployment.name_any()).collect())
}

#[cfg(test)]
mod tests {
    use kube::core::DeserializeGuard;

    use super::*;

    /// The operator is stopped, or has not reconciled the binding yet.
    #[test]
    fn a_binding_without_a_status_is_about_the_deployments_that_it_selects() {
        let spec = |target: serde_json::Value| {
            let binding = serde_json::json!({
                "apiVersion": "signer.atto.cash/v1alpha1", "kind": "SignerBinding", "metadata": {"name": "voter"},
                "spec": {
                    "target": target, "capabilities": ["VOTE"], "tokenSecretRef": {"name": "t", "key": "k"},
                    "key": {"local": {"secretRef": {"name": "k", "key": "k"}}},
                },
            });
            DeserializeGuard(Ok(serde_json::from_value(binding).unwrap()))
        };
        let labels = BTreeMap::from([("voter".to_owned(), "main".to_owned())]);
        let selecting = spec(serde_json::json!({"selector": {"matchLabels": {"voter": "main"}}}));
        assert!(is_about(&selecting, "a", Some(&labels)));
        assert!(!is_about(&selecting, "a", Some(&BTreeMap::new())));
        assert!(!is_about(&selecting, "a", None), "the Deployment is gone");
        assert!(is_about(&spec(serde_json::json!({"name": "a"})), "a", None));
    }

    #[test]
    fn a_deployment_or_a_binding_is_explained() {
        let deployment = Object::Deployment(DeploymentName("voter".to_owned()));
        let binding = Object::Binding(BindingName("voter".to_owned()));
        assert_eq!("deploy/voter".parse(), Ok(deployment));
        assert_eq!("sb/voter".parse(), Ok(binding));
        for text in ["voter", "pod/voter", "sb/"] {
            assert!(text.parse::<Object>().is_err(), "{text}");
        }
    }
}
