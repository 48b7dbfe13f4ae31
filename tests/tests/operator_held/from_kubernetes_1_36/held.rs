//! A place where Deployments are held.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use tests::eventually;
use tests::hold::{can_hold, holds, is_held, is_resumed};
use tests::operated::{Operated, Place, SOON, VOTER, binding};
use tests::replica_sets::ReplicaSets;
use tokio::sync::OnceCell;

/// What a test says that was not left out.
pub const TOO_OLD: &str =
    "this Kubernetes cannot hold a Deployment: `make unit` leaves out what is named from_kubernetes_";

/// A place of a test, in which ReplicaSets are taken note of.
pub struct Held {
    pub place: Place,
    pub sets: ReplicaSets,
}

impl Held {
    /// On the shared operator, once its chart holds.
    ///
    /// # Errors
    /// Where Kubernetes is too old for that: what was not tried has not passed.
    pub async fn new(prefix: &str) -> Result<Self> {
        static HOLDS: OnceCell<()> = OnceCell::const_new();
        let operated = Operated::shared().await?;
        ensure!(can_hold(operated.plane).await?, TOO_OLD);
        HOLDS.get_or_try_init(async || holds(operated).await).await?;
        Self::on(operated, prefix).await
    }

    /// With an operator of the test's own choice.
    pub async fn on(operated: &'static Operated, prefix: &str) -> Result<Self> {
        let place = Place::on(operated, prefix).await?;
        let sets = ReplicaSets::of(place.client.clone(), &place.namespace).await?;
        Ok(Self { place, sets })
    }

    /// A binding, and no token for it.
    pub async fn without_token(prefix: &str) -> Result<Self> {
        let held = Self::new(prefix).await?;
        held.lose_the_token().await?;
        held.place.apply(&binding()).await?;
        Ok(held)
    }

    pub async fn lose_the_token(&self) -> Result<()> {
        self.place.kubectl_ok(&["delete", "secret", "token"]).await.map(drop)
    }

    /// Brings it, and waits until the operator has found it: nothing tells of a Secret, and one that is missing is looked for less and
    /// less often, each minute at last.
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

    /// Waits until the operator says that it waits for this, and returns the whole message.
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

    /// The same, of one of which no pod was made ever.
    pub async fn has_never_begun_and_waits_for(&self, what: &str) -> Result<String> {
        let message = self.waits_for(what).await?;
        ensure!(self.sets.count() == 0, "a ReplicaSet was made of what is held");
        Ok(message)
    }

    /// Waits until the voter goes on with its signer, and looks back on how it came there.
    pub async fn goes_on_whole(&self) -> Result<()> {
        eventually(2 * SOON, "the resumed Deployment", async || {
            is_resumed(&self.place.deployment().await?)
        })
        .await?;
        self.place.condition("Injected", "True", "Injected").await?;
        self.sets.are_whole().await
    }
}

/// A binding of another name for the same Deployment. Of two that were created within a second the first by name is the older one.
pub fn second_binding() -> Value {
    let mut second = binding();
    second["metadata"]["name"] = json!("younger");
    second
}

/// The voter's Deployment under the name that a test has for it.
pub const DEPLOYMENT: &str = "deployment/voter";

/// The name of the voter's binding.
pub const BINDING: &str = VOTER;
