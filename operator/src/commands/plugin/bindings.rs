//! The SignerBindings that a command is about.

use std::str::FromStr;

use clap::Args;
use crds::SignerBinding;
use kube::api::ListParams;
use kube::core::DeserializeGuard;
use kube::{Api, Client, ResourceExt};

use super::output::Format;
use crate::commands::{Failure, patiently};
use crate::exit;

/// The namespaces of a command.
#[derive(Args, Clone, Debug)]
pub struct NamespaceArgs {
    /// The namespace. Default: that of the context.
    #[arg(short, long)]
    pub namespace: Option<String>,

    /// All namespaces.
    #[arg(short = 'A', long, conflicts_with = "namespace")]
    pub all_namespaces: bool,
}

/// The bindings of a command, and the form of its output.
#[derive(Args, Clone, Debug)]
pub struct ListArgs {
    /// A SignerBinding. Default: all of the namespace.
    #[arg(value_name = "SIGNERBINDING")]
    pub name: Option<BindingName>,

    #[command(flatten)]
    pub namespace: NamespaceArgs,

    /// The form of the output.
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Format,
}

/// The name of a SignerBinding: `NAME`, or as kubectl takes it, such as `signerbinding/NAME`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BindingName(pub String);

const KINDS: [&str; 4] = [
    "signerbinding",
    "signerbindings",
    "sb",
    "signerbindings.signer.atto.cash",
];

impl FromStr for BindingName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let name = match text.split_once('/') {
            None => text,
            Some((kind, name)) if KINDS.contains(&kind) => name,
            Some(_) => "",
        };
        if name.is_empty() || name.contains('/') {
            return Err(format!("found {text:?}, expected NAME or signerbinding/NAME"));
        }
        Ok(Self(name.to_owned()))
    }
}

/// For a binding that this version cannot read, only the name and the error are known.
pub type Found = DeserializeGuard<SignerBinding>;

/// The binding with this name, or all of the namespaces, sorted by namespace and name.
///
/// # Errors
/// The binding does not exist, or the API server does not answer.
pub async fn find(client: &Client, of: &NamespaceArgs, name: Option<&BindingName>) -> Result<Vec<Found>, Failure> {
    let namespace = of.namespace.as_deref().unwrap_or_else(|| client.default_namespace());
    let api: Api<Found> = if of.all_namespaces {
        Api::all(client.clone())
    } else {
        Api::namespaced(client.clone(), namespace)
    };
    let parameters = match name {
        Some(BindingName(name)) => ListParams::default().fields(&format!("metadata.name={name}")),
        None => ListParams::default(),
    };
    let mut found = patiently("list the SignerBindings", async || api.list(&parameters).await)
        .await?
        .items;
    if let (Some(BindingName(name)), true) = (name, found.is_empty()) {
        let place = if of.all_namespaces {
            "any namespace".to_owned()
        } else {
            format!("namespace {namespace}")
        };
        let text = format!("found no SignerBinding {name} in {place}; -n names another namespace, -A takes all");
        return Err(Failure::new(exit::NO_INPUT, text));
    }
    found.sort_by_key(|binding| (binding.namespace(), binding.name_any()));
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_binding_is_named_as_kubectl_names_it_or_by_its_name_alone() {
        for text in ["voter", "sb/voter", "signerbindings.signer.atto.cash/voter"] {
            assert_eq!(text.parse(), Ok(BindingName("voter".to_owned())), "{text}");
        }
        for text in ["", "deployment/voter", "sb/", "sb/a/b"] {
            assert!(text.parse::<BindingName>().is_err(), "{text}");
        }
    }
}
