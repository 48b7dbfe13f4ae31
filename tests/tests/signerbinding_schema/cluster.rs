//! A real API server that knows `SignerBinding`s, and a binding to vary.

use anyhow::Result;
use http::Request;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Client;
use kube::api::{Api, Patch, PatchParams};
use serde_json::{Value, json};
use signer::protocol::{Address, PublicKey};
use tests::ControlPlane;
use tests::write::write;
use tokio::sync::OnceCell;

/// A change to [`spec`], as a JSON merge patch: null removes a field.
pub type Change = Value;

/// The shortest spec there is.
pub fn spec() -> Value {
    json!({
        "target": {"name": "atto-voter"},
        "key": {"gcp": {"keyVersion": "projects/p/locations/global/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1"}},
        "capabilities": ["CHALLENGE", "VOTE"],
        "tokenSecretRef": {"name": "atto-signer-secrets", "key": "SIGNER_SHARED_TOKEN"},
    })
}

pub fn binding(name: &str, change: &Change) -> Value {
    let mut spec = spec();
    merge(&mut spec, change);
    json!({
        "apiVersion": "signer.atto.cash/v1alpha1",
        "kind": "SignerBinding",
        "metadata": {"name": name},
        "spec": spec,
    })
}

/// RFC 7396.
pub fn merge(into: &mut Value, change: &Change) {
    let Value::Object(change) = change else {
        *into = change.clone();
        return;
    };
    if !into.is_object() {
        *into = json!({});
    }
    for (key, value) in change {
        if value.is_null() {
            into.as_object_mut().expect("made one above").remove(key);
        } else {
            merge(&mut into[key], value);
        }
    }
}

/// The control plane of this binary, with the committed manifest installed.
pub async fn cluster() -> Result<&'static ControlPlane> {
    static INSTALLED: OnceCell<()> = OnceCell::const_new();
    let plane = ControlPlane::shared().await?;
    let install = async || {
        let manifest: Value = serde_yaml::from_str(crds::MANIFEST)?;
        let manifest = Patch::Apply(manifest);
        let name = "signerbindings.signer.atto.cash";
        let apply = PatchParams::apply("tests").validation_strict();
        let api = Api::<CustomResourceDefinition>::all(plane.client().await?);
        write(|| api.patch(name, &apply, &manifest)).await?;
        let wait = ["wait", "--for=condition=Established", "--timeout=60s", "crd", name];
        plane.admin().kubectl_ok(&wait).await.map(drop)
    };
    INSTALLED.get_or_try_init(install).await?;
    Ok(plane)
}

/// The API server's answers to requests about bindings, sent as `kubectl` would (strict validation): the object as it
/// would be stored, or the message.
pub struct Bindings {
    client: Client,
    path: String,
}

impl Bindings {
    pub async fn of(plane: &ControlPlane, namespace: &str) -> Result<Self> {
        let path = format!("/apis/signer.atto.cash/v1alpha1/namespaces/{namespace}/signerbindings");
        Ok(Self {
            client: plane.client().await?,
            path,
        })
    }

    pub async fn dry_run(&self, binding: &Value) -> Result<Value, String> {
        self.send(
            Request::post(format!("{}?fieldValidation=Strict&dryRun=All", self.path)),
            binding,
        )
        .await
    }

    pub async fn create(&self, binding: &Value) -> Result<Value, String> {
        self.send(Request::post(format!("{}?fieldValidation=Strict", self.path)), binding)
            .await
    }

    /// An update in a dry run.
    pub async fn try_replace(&self, binding: &Value) -> Result<Value, String> {
        let name = binding["metadata"]["name"].as_str().expect("a binding has a name");
        self.send(
            Request::put(format!("{}/{name}?fieldValidation=Strict&dryRun=All", self.path)),
            binding,
        )
        .await
    }

    async fn send(&self, request: http::request::Builder, body: &Value) -> Result<Value, String> {
        let request = request.body(body.to_string().into_bytes()).expect("a request");
        self.client
            .request::<Value>(request)
            .await
            .map_err(|error| match error {
                kube::Error::Api(status) => status.message,
                other => format!("no answer from the API server: {other}"),
            })
    }
}

/// A valid address.
pub fn address() -> String {
    address_of(0)
}

/// Another one for each number.
pub fn address_of(number: u8) -> String {
    Address(PublicKey([number; 32])).to_string()
}
