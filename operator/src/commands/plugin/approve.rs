//! `kubectl atto-signer plan` and `kubectl atto-signer approve`.

use std::fmt::Write as _;
use std::io::{self, BufRead, IsTerminal, Write as _};

use clap::Args;
use crds::names::APPROVE_ANNOTATION;
use crds::{Plan, SignerBinding};
use kube::api::{Patch, PatchParams};
use kube::{Api, Client, ResourceExt};
use serde::Serialize;
use serde_json::json;

use super::bindings::{self, BindingName, ListArgs, NamespaceArgs};
use super::output;
use crate::cluster::connect::Choice;
use crate::cluster::deadline;
use crate::commands::{self, Failure};
use crate::exit;
use crate::model::text::shorten;

const LONGEST: usize = 16_384;

/// Flags of `kubectl atto-signer approve`.
#[derive(Args, Clone, Debug)]
pub struct ApproveArgs {
    /// The SignerBinding whose plan is approved.
    #[arg(value_name = "SIGNERBINDING")]
    pub name: BindingName,

    /// The namespace. Default: that of the context.
    #[arg(short, long)]
    pub namespace: Option<String>,

    /// Approve without asking for confirmation.
    #[arg(short, long)]
    pub yes: bool,
}

/// A change that waits for approval.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Waiting<'a> {
    namespace: String,
    name: String,
    hash: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    diff: Option<&'a str>,
}

impl<'a> Waiting<'a> {
    fn of(binding: &'a SignerBinding) -> Option<Self> {
        let Plan { hash, diff } = binding.status.as_ref()?.plan.as_ref()?;
        Some(Self {
            namespace: binding.namespace().unwrap_or_default(),
            name: binding.name_any(),
            hash,
            diff: diff.as_deref(),
        })
    }

    fn text(&self) -> String {
        let Self {
            namespace,
            name,
            hash,
            diff,
        } = self;
        let diff = diff.unwrap_or("(The operator reports no diff.)");
        let mut text = format!("SignerBinding {namespace}/{name}: change {hash} waits for an approval.\n");
        let _ = writeln!(text, "{}", shorten(diff, LONGEST).trim_end());
        text
    }
}

/// Shows the changes that wait for approval.
///
/// # Errors
/// The binding does not exist, or the API server does not answer.
pub async fn plan(choice: Choice, arguments: ListArgs) -> Result<String, Failure> {
    let ListArgs {
        name,
        namespace,
        output,
    } = arguments;
    let client = commands::connect(choice).await?;
    let found = bindings::find(&client, &namespace, name.as_ref()).await?;
    let readable = found.iter().filter_map(|found| found.0.as_ref().ok());
    let waiting: Vec<_> = readable.filter_map(Waiting::of).collect();
    if let Some(text) = output::list(output, "PlanList", &waiting) {
        return text;
    }
    if waiting.is_empty() {
        return Ok("No change waits for an approval.\n".to_owned());
    }
    let mut text: Vec<_> = waiting.iter().map(Waiting::text).collect();
    for Waiting { namespace, name, .. } in &waiting {
        text.push(format!(
            "To approve: kubectl atto-signer approve {name} --namespace {namespace}\n"
        ));
    }
    Ok(text.concat())
}

/// Shows the change, asks, and approves exactly this change.
///
/// # Errors
/// No change waits, the person did not confirm, or the API server refuses.
pub async fn approve(choice: Choice, arguments: ApproveArgs) -> Result<String, Failure> {
    let ApproveArgs { name, namespace, yes } = arguments;
    let client = commands::connect(choice).await?;
    let of = NamespaceArgs {
        namespace,
        all_namespaces: false,
    };
    let found = bindings::find(&client, &of, Some(&name)).await?;
    let binding = found.first().and_then(|found| found.0.as_ref().ok()).ok_or_else(|| {
        let text = "This version cannot read the SignerBinding. Use the version that the cluster's operator has.";
        Failure::new(exit::DATA, text)
    })?;
    let Some(waiting) = Waiting::of(binding) else {
        let text = format!(
            "SignerBinding {}: no change waits for an approval; nothing was written.",
            name.0
        );
        return Err(Failure::new(exit::DATA, text));
    };
    eprint!("{}", waiting.text());
    if !yes {
        ask()?;
    }
    write(&client, &waiting).await?;
    Ok(format!(
        "Approved change {} of SignerBinding {}/{}. The operator writes it now; the pods of its Deployments are replaced.\n",
        waiting.hash, waiting.namespace, waiting.name
    ))
}

fn ask() -> Result<(), Failure> {
    if !io::stdin().is_terminal() {
        let text = "Standard input: found no terminal, expected one to ask for confirmation. Give --yes to approve without a question.";
        return Err(Failure::new(exit::USAGE, text));
    }
    eprint!(
        "\nWarning: this replaces the pods of the Deployment. Its voter is down until the new pod is ready.\nWrite this change? [y/N] "
    );
    let cannot = |error: io::Error| Failure::new(exit::OUTPUT, format!("The answer cannot be read: {error}."));
    io::stderr().flush().map_err(cannot)?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).map_err(cannot)?;
    if ["y", "yes"].contains(&answer.trim().to_lowercase().as_str()) {
        return Ok(());
    }
    Err(Failure::new(exit::NOT_DONE, "Not approved; nothing was written."))
}

/// Writes the hash of the change that was shown. If another change waits in the meantime, this does not approve it.
async fn write(client: &Client, waiting: &Waiting<'_>) -> Result<(), Failure> {
    let api: Api<SignerBinding> = Api::namespaced(client.clone(), &waiting.namespace);
    let annotations = json!({"metadata": {"annotations": {APPROVE_ANNOTATION: waiting.hash}}});
    let patch = Patch::Merge(annotations);
    let parameters = PatchParams::default();
    deadline(
        "annotate the SignerBinding",
        api.patch_metadata(&waiting.name, &parameters, &patch),
    )
    .await?;
    Ok(())
}
