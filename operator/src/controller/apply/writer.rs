//! Sends the operator's writes. Every write goes through [`Writer::send`], which observes the pauses.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Instant;

use kube::runtime::events::Recorder;
use serde_json::Value;

use super::conflict;
use crate::cluster::{Cluster, deadline};
use crate::controller::contest::Contest;
use crate::controller::ledger::Ledger;
use crate::controller::pauses::{Key, Pauses};
use crate::controller::rollout_limit::RolloutLimit;
use crate::controller::status_pace::StatusPace;
use crate::model::error::{Error, refuses};
use crate::model::text::one_line;
use crate::telemetry::{Kind, Metrics};

/// Maximum length of a refusal in a log.
const LONGEST_REFUSAL: usize = 1000;

/// Dependencies of the apply step.
#[derive(Clone)]
pub struct Writer {
    pub cluster: Cluster,
    pub ledger: Ledger,
    pub contest: Contest,
    pub rollouts: RolloutLimit,
    pub recorder: Recorder,
    pub metrics: Arc<Metrics>,
    pub pauses: Pauses,
    pub status_pace: StatusPace,
}

/// A write, before it is sent.
pub struct Write<'a> {
    pub kind: Kind,
    pub namespace: &'a str,
    pub name: &'a str,
    /// Of the object, or of the object that it belongs to.
    pub uid: &'a str,
    pub attempt: &'static str,
    /// The wanted state, see [`wish`].
    pub wish: u64,
    /// Whether it contains `test` operations; a failed one has the same answer as a refusal.
    pub has_tests: bool,
}

impl Write<'_> {
    fn key(&self) -> Key {
        let Self {
            kind,
            namespace,
            name,
            uid,
            attempt,
            ..
        } = self;
        Key {
            object: format!("{kind:?}/{namespace}/{name}/{uid}"),
            attempt,
        }
    }
}

/// A number that identifies the wanted state of a body, independent of the object version that it is bound to.
pub fn wish(body: &Value) -> u64 {
    let mut body = body.clone();
    if let Some(metadata) = body.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("resourceVersion");
    }
    let mut hasher = DefaultHasher::new();
    body.to_string().hash(&mut hasher);
    hasher.finish()
}

impl Writer {
    /// A writer without earlier writes.
    pub fn new(
        cluster: Cluster,
        contest: Contest,
        rollouts: RolloutLimit,
        recorder: Recorder,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            cluster,
            contest,
            rollouts,
            recorder,
            metrics,
            ledger: Ledger::default(),
            pauses: Pauses::default(),
            status_pace: StatusPace::default(),
        }
    }

    /// Sends a write, unless the API server recently refused the same write. In that case, returns the earlier answer.
    ///
    /// # Errors
    /// Fails if the API server refuses or does not answer, or refused recently.
    pub async fn send<T>(
        &self,
        write: &Write<'_>,
        request: impl Future<Output = Result<T, kube::Error>>,
    ) -> Result<T, Error> {
        if let Some((status, left)) = self.pauses.holds(&write.key(), write.wish, Instant::now()) {
            return Err(Error::Paused {
                attempt: write.attempt,
                source: Box::new(kube::Error::Api(status.boxed())),
                left,
            });
        }
        let result = deadline(write.attempt, request).await;
        self.metrics.write(write.kind, &result);
        match &result {
            Ok(_) => self.pauses.went_through(&write.key()),
            Err(error) if is_overtaken(write, error) => {}
            Err(error) => self.refused(write, error),
        }
        result
    }

    /// Forgets the answer to a write, because the operator has changed the object since.
    pub fn ask_again(&self, write: &Write<'_>) {
        self.pauses.went_through(&write.key());
    }

    /// Remembers the API server's answer.
    pub fn refused(&self, write: &Write<'_>, error: &Error) {
        let Some(status) = error.response() else { return };
        let is_news = self.pauses.refused(write.key(), write.wish, status, Instant::now());
        if is_news && refuses(status) {
            let Write {
                kind,
                namespace,
                name,
                attempt,
                ..
            } = write;
            let answer = one_line(&status.message, LONGEST_REFUSAL);
            tracing::warn!(
                %namespace, ?kind, name, attempt, code = status.code, answer,
                "the API server refuses a write; the operator tries again after pauses that grow to a minute, and does not log the same answer again"
            );
        }
    }
}

/// Whether the failure may only mean that the object changed since it was read.
fn is_overtaken(write: &Write<'_>, error: &Error) -> bool {
    error.response().is_some_and(|status| {
        status.is_conflict()
            || status.is_not_found()
            || conflict::is_another_object(status)
            || (write.has_tests && status.code == 422)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_wish_is_the_same_for_every_version_of_the_object() {
        let body = |version: &str, image: &str| json!({"metadata": {"resourceVersion": version}, "image": image});
        assert_eq!(wish(&body("1", "a")), wish(&body("2", "a")));
        assert_ne!(wish(&body("1", "a")), wish(&body("1", "b")));
        assert_ne!(wish(&json!([{"op": "remove"}])), wish(&json!([{"op": "add"}])));
    }
}
