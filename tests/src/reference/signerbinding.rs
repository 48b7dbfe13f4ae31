//! Every field of a SignerBinding, from its schema.

use anyhow::{Context, Result};
use crds::SignerBinding;
use crds::names;
use kube::CustomResourceExt as _;
use serde_json::Value;

use super::schema::{describe, is_required, rows};
use super::table::{code, sentence, table};

pub fn page() -> Result<String> {
    let manifest: Value = serde_yaml::from_str(crds::MANIFEST)?;
    let version = &manifest["spec"]["versions"][0];
    let schema = &version["schema"]["openAPIV3Schema"];
    let resource = SignerBinding::api_resource();
    let mut text = vec![format!(
        "{}\n\n`apiVersion: {}`, `kind: {}`; `kubectl get {}`, or `sb` for short. `kubectl explain signerbindings.spec` prints the same. \
         Quotation marks contain the API server's answer if a rule is violated. The conditions: \
         [Conditions](conditions.md).\n\n",
        describe(schema),
        resource.api_version,
        resource.kind,
        resource.plural,
    )];
    for part in ["spec", "status"] {
        let part_schema = &schema["properties"][part];
        text.push(format!("## {part}\n\n{}\n\n", describe(part_schema)));
        let fields = part_schema["properties"].as_object();
        for (name, field) in fields.with_context(|| format!("{part} has no fields"))? {
            let path = format!("{part}.{name}");
            let rows = rows(&path, field, is_required(part_schema, name));
            text.push(format!("### {path}\n\n{}", table(["field", "type", "meaning"], rows)));
        }
    }
    text.push(format!("## Columns of kubectl get\n\n{}", columns(version)));
    text.push(format!("## Labels, annotations, finalizer\n\n{}", keys()));
    Ok(text.concat())
}

fn columns(version: &Value) -> String {
    let columns = version["additionalPrinterColumns"].as_array().into_iter().flatten();
    let text = |column: &Value, field: &str| column[field].as_str().unwrap_or_default().to_owned();
    let rows = columns.map(|column| {
        let shown = if column["priority"].as_u64().unwrap_or_default() > 0 {
            "with `-o wide`"
        } else {
            "always"
        };
        [
            text(column, "name"),
            shown.to_owned(),
            sentence(&text(column, "description")),
        ]
    });
    table(["column", "shown", "meaning"], rows)
}

fn keys() -> String {
    let rows = [
        (
            names::APPROVE_ANNOTATION,
            "annotation of a binding",
            "the `status.plan.hash` that may be written",
        ),
        (
            names::DEPLOYMENT_LABEL,
            "label of the pod template",
            "the Deployment whose signer the pod has",
        ),
        (
            names::HASH_ANNOTATION,
            "annotation of the pod template",
            "the hash of the injected fields",
        ),
        (
            names::FINALIZER,
            "finalizer of a binding",
            "present while `deletionPolicy` is `Remove`, until the Deployment is restored",
        ),
        (
            names::GCP_ACCOUNT_ANNOTATION,
            "annotation of a ServiceAccount",
            "the Google service account that its pods act as",
        ),
    ];
    let rows = rows.map(|(key, of, meaning)| [code(key), of.to_owned(), sentence(meaning)]);
    table(["key", "what it is", "meaning"], rows)
}
