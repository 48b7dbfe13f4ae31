//! A place where Deployments are held.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use tests::eventually;
use tests::hold::{can_hold, holds, is_held, is_resumed};
use tests::operated::{Operated, Place, SOON, VOTER, binding};
use tests::replica_sets::ReplicaSets;
use tokio::sync::OnceCell;

/// The error of a test that should have been left out.
pub const TOO_OLD: &str =
    "this Kubernetes cannot hold a Deployment: `make unit` leaves out what is named from_kubernetes_";

/// A place for one test that records ReplicaSets.
pub struct Held {
    pub place: Place,
    pub sets: ReplicaSets,
}

impl Held {
    /// With the shared operator, once its chart's policies hold Deployments.
    ///
    /// # Errors
    /// If Kubernetes is too old for that, because a test that did not run has not passed.
    pub async fn new(prefix: &str) -> Result<Self> {
        static HOLDS: OnceCell<()> = OnceCell::const_new();
        let operated = Operated::shared().await?;
        ensure!(can_hold(operated.plane).await?, TOO_OLD);
        HOLDS.get_or_try_init(async || holds(operated).await).await?;
        Self::on(operated, prefix).await
    }

    /// With an operator that the test chooses.
    pub async fn on(operated: &'static Operated, prefix: &str) -> Result<Self> {
        let place = Place::on(operated, prefix).await?;
        let sets = ReplicaSets::of(place.client.clone(), &place.namespace).await?;
        Ok(Self { place, sets })
    }

    /// A binding without its token.
    pub async fn without_token(prefix: &str) -> Result<Self> {
        let held = Self::new(prefix).await?;
        held.lose_the_token().await?;
        held.place.apply(&binding()).await?;
        Ok(held)
    }

    pub async fn lose_the_token(&self) -> Result<()> {
        self.place.kubectl_ok(&["delete", "secret", "token"]).await.map(drop)
    }

    /// Creates the token, and waits until the operator has found it. No watch reports Secrets, and the operator checks
    /// for a missing one with growing pauses of up to a minute.
    pub async fn bring_the_token(&self) -> Result<()> {
        let token = tests::operated::secret("token", "value", tests::operated::TOKEN);
        self.place.apply(&token).await?;
        eventually(2 * SOON, "the token is found", async || {
            let status = self.place.binding().await?.status.unwrap_or_default();
            let found = status
                .conditions
                .iter()
                .any(|condition| condition.type_ == "TokenReady" && condition.status == "True");
            ensure!(found, "{:?}", status.conditions);
            Ok(())
        })
        .await
    }

    /// Waits until the operator reports that the Deployment waits for this, and returns the whole message.
    pub async fn waits_for(&self, what: &str) -> Result<String> {
        let message = eventually(SOON, &format!("a Deployment that waits for {what}"), async || {
            let message = self.place.condition("RolledOut", "False", "HeldForSigner").await?;
            ensure!(message.contains(what), "{message}");
            Ok(message)
        })
        .await?;
        is_held(&self.place.deployment().await?)?;
        Ok(message)
    }

    /// Waits for the report about a Deployment that has never had a pod.
    pub async fn has_never_begun_and_waits_for(&self, what: &str) -> Result<String> {
        let message = self.waits_for(what).await?;
        ensure!(self.sets.count() == 0, "a ReplicaSet was made of what is held");
        Ok(message)
    }

    /// Waits until the voter is resumed with its signer, and checks that every ReplicaSet had its signer.
    pub async fn goes_on_whole(&self) -> Result<()> {
        eventually(2 * SOON, "the resumed Deployment", async || {
            is_resumed(&self.place.deployment().await?)
        })
        .await?;
        self.place.condition("Injected", "True", "Injected").await?;
        self.sets.are_whole().await
    }
}

/// A binding of another name for the same Deployment. Of two bindings that were created within the same second, the
/// first by name counts as older.
pub fn second_binding() -> Value {
    let mut second = binding();
    second["metadata"]["name"] = json!("younger");
    second
}

/// The voter's Deployment, as a kubectl argument.
pub const DEPLOYMENT: &str = "deployment/voter";

/// The name of the voter's binding.
pub const BINDING: &str = VOTER;
