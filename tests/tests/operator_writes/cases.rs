//! Every kind of write, and the change that causes it.

use anyhow::Result;
use serde_json::{Value, json};
use tests::operated::{Place, VOTER, binding, voter, with};

/// Where the refusal is reported.
pub enum Told {
    /// In the status and by an Event.
    Status,
    /// Only in the log, because no Event can be written.
    Nowhere,
    /// Only by an Event, because no status can be written or none reports it.
    EventAlone,
}

/// A person's action.
#[derive(Clone, Copy)]
pub enum Step {
    Nothing,
    Begun,
    Injected,
    Paused,
    Stripped,
    Added,
    Held,
    BegunRemoving,
    Removing,
    Deleted,
    DeletedWhole,
    Selecting,
    Departed,
    BegunActing,
    Acting,
    ActsNoMore,
}

impl Step {
    pub async fn take(self, place: &Place) -> Result<()> {
        match self {
            Self::Nothing => Ok(()),
            Self::Begun => begun(place).await,
            Self::Injected => place.injected().await.map(drop),
            Self::Paused => paused(place).await,
            Self::Stripped => stripped(place).await,
            Self::Added => added(place).await,
            Self::Held => held(place).await,
            Self::BegunRemoving => begun_removing(place).await,
            Self::Removing => removing(place).await,
            Self::Deleted => deleted(place).await,
            Self::DeletedWhole => deleted_whole(place).await,
            Self::Selecting => selecting(place).await,
            Self::Departed => departed(place).await,
            Self::BegunActing => begun_acting(place).await,
            Self::Acting => acting(place).await,
            Self::ActsNoMore => acts_no_more(place).await,
        }
    }
}

pub struct Case {
    pub name: &'static str,
    pub group: &'static str,
    pub resource: &'static str,
    pub operations: &'static [&'static str],
    /// A CEL expression for the writes that the policy still allows.
    pub allowed: &'static str,
    pub before: Step,
    pub then: Step,
    pub told: Told,
}

/// A refused update of a Deployment.
const DEPLOYMENT: Case = Case {
    name: "",
    group: "apps",
    resource: "deployments",
    operations: &["UPDATE"],
    allowed: "false",
    before: Step::Nothing,
    then: Step::Nothing,
    told: Told::Status,
};

const BINDING: Case = Case {
    group: "signer.atto.cash",
    resource: "signerbindings",
    ..DEPLOYMENT
};

const SERVICE: Case = Case {
    group: "",
    resource: "services",
    ..DEPLOYMENT
};

const ACCOUNT: Case = Case {
    group: "",
    resource: "serviceaccounts",
    ..DEPLOYMENT
};

pub fn cases() -> Vec<Case> {
    vec![
        Case {
            name: "injection",
            then: Step::Begun,
            ..DEPLOYMENT
        },
        Case {
            name: "repair",
            before: Step::Paused,
            then: Step::Stripped,
            ..DEPLOYMENT
        },
        Case {
            name: "addition",
            before: Step::Paused,
            then: Step::Added,
            ..DEPLOYMENT
        },
        Case {
            name: "resumption",
            allowed: "!(oldObject.spec.?paused.orValue(false) && !object.spec.?paused.orValue(false))",
            then: Step::Held,
            ..DEPLOYMENT
        },
        Case {
            name: "removal",
            before: Step::Removing,
            then: Step::Deleted,
            ..DEPLOYMENT
        },
        Case {
            name: "departure",
            before: Step::Selecting,
            then: Step::Departed,
            ..DEPLOYMENT
        },
        Case {
            name: "finalizer",
            operations: &["UPDATE"],
            then: Step::BegunRemoving,
            ..BINDING
        },
        Case {
            name: "last-finalizer",
            before: Step::Removing,
            then: Step::Deleted,
            ..BINDING
        },
        Case {
            name: "status",
            resource: "signerbindings/status",
            then: Step::Begun,
            told: Told::EventAlone,
            ..BINDING
        },
        Case {
            name: "event",
            group: "events.k8s.io",
            resource: "events",
            operations: &["CREATE", "UPDATE"],
            then: Step::Injected,
            told: Told::Nowhere,
            ..DEPLOYMENT
        },
        Case {
            name: "service",
            operations: &["CREATE", "UPDATE"],
            then: Step::Injected,
            ..SERVICE
        },
        Case {
            name: "last-service",
            operations: &["DELETE"],
            before: Step::Removing,
            then: Step::DeletedWhole,
            told: Told::EventAlone,
            ..SERVICE
        },
        Case {
            name: "annotation",
            then: Step::BegunActing,
            ..ACCOUNT
        },
        Case {
            name: "last-annotation",
            before: Step::Acting,
            then: Step::ActsNoMore,
            ..ACCOUNT
        },
    ]
}

async fn begun(place: &Place) -> Result<()> {
    place.apply(&voter()).await?;
    place.apply(&binding()).await
}

async fn paused(place: &Place) -> Result<()> {
    place.injected().await?;
    place.pause().await
}

async fn stripped(place: &Place) -> Result<()> {
    let bare = with(voter(), "/spec/paused", json!(true));
    place.replace(async || Ok(bare.clone())).await
}

async fn added(place: &Place) -> Result<()> {
    let change =
        json!([{"op": "add", "path": "/spec/template/spec/initContainers/0/args", "value": ["--help"]}]).to_string();
    let patch = ["patch", "deployment", VOTER, "--type=json", "--patch", &change];
    place.kubectl_ok(&patch).await.map(drop)
}

/// A Deployment that is held as the API server holds it, if it can.
async fn held(place: &Place) -> Result<()> {
    let mut held = with(voter(), "/spec/paused", json!(true));
    held["metadata"]["annotations"] = json!({"signer.atto.cash/held": VOTER});
    place.apply(&held).await?;
    place.apply(&binding()).await
}

fn removed() -> Value {
    with(binding(), "/spec/deletionPolicy", json!("Remove"))
}

async fn begun_removing(place: &Place) -> Result<()> {
    place.apply(&voter()).await?;
    place.apply(&removed()).await
}

async fn removing(place: &Place) -> Result<()> {
    begun_removing(place).await?;
    place.condition("Injected", "True", "Injected").await.map(drop)
}

async fn deleted(place: &Place) -> Result<()> {
    let delete = ["delete", "signerbinding", VOTER, "--wait=false"];
    place.kubectl_ok(&delete).await.map(drop)
}

/// Waits for the end of the deletion, which nothing delays.
async fn deleted_whole(place: &Place) -> Result<()> {
    let delete = ["delete", "signerbinding", VOTER, "--timeout=60s"];
    place.kubectl_ok(&delete).await.map(drop)
}

async fn selecting(place: &Place) -> Result<()> {
    place.apply(&voter()).await?;
    let target = json!({"selector": {"matchLabels": {"app": VOTER}}});
    place.apply(&with(removed(), "/spec/target", target)).await?;
    place.condition("Injected", "True", "Injected").await?;
    place.pause().await
}

async fn departed(place: &Place) -> Result<()> {
    let unlabel = ["label", "deployment", VOTER, "app-"];
    place.kubectl_ok(&unlabel).await.map(drop)
}

fn acts() -> Value {
    let version = "projects/p/locations/global/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1";
    let direct = with(binding(), "/spec/key", json!({"gcp": {"keyVersion": version}}));
    let google = "signer@p.iam.gserviceaccount.com";
    with(direct, "/spec/workloadIdentity", json!({"gcpServiceAccount": google}))
}

async fn begun_acting(place: &Place) -> Result<()> {
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": VOTER}});
    place.apply(&account).await?;
    // No pod of an earlier template needs the account later.
    let asleep = with(voter(), "/spec/replicas", json!(0));
    place
        .apply(&with(asleep, "/spec/template/spec/serviceAccountName", json!(VOTER)))
        .await?;
    place.apply(&acts()).await
}

async fn acting(place: &Place) -> Result<()> {
    begun_acting(place).await?;
    place.condition("Injected", "True", "Injected").await.map(drop)
}

async fn acts_no_more(place: &Place) -> Result<()> {
    let mut direct = acts();
    if let Some(spec) = direct["spec"].as_object_mut() {
        spec.remove("workloadIdentity");
    }
    place.apply(&direct).await
}
