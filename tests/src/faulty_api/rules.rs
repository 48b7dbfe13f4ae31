//! Which requests have which fault.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::asked::{Asked, Verb};
use super::gate::Gate;
use crate::fake_server::For;

/// A fault of a request.
#[derive(Clone, Debug)]
pub enum Fault {
    /// It does not reach the API server. The proxy answers with this status code, as the API server would.
    Answered(u16),
    /// It does not reach the API server, and the connection is closed.
    Dropped,
    /// It is executed, and the connection is closed without the answer.
    Lost,
    /// It is executed and never answered; the connection stays open.
    Silent,
    /// It is executed, and answered after this delay.
    Late(Duration),
    /// It reaches the API server after this delay, even if the client has given up.
    SentLate(Duration),
    /// It is sent twice, as by a proxy that has lost the first answer. The second answer is returned.
    Twice,
    /// It waits at the gate and is executed afterwards, even if the client is gone.
    Held(Gate),
    /// It is executed, and the answer waits at the gate.
    AnswerHeld(Gate),
    /// For a watch: it ends immediately.
    Closed,
    /// For a watch: it ends after the first event.
    ClosedAfterOne,
    /// For a watch: it ends in the middle of the first line.
    Truncated,
    /// For a watch: the connection breaks in the middle of the first line.
    Broken,
}

/// A set of requests.
#[derive(Clone, Debug, Default)]
pub struct Which {
    verbs: Vec<Verb>,
    resource: Option<String>,
    namespace: Option<String>,
    name: Option<String>,
}

impl Which {
    /// All requests with these verbs on a resource such as `signerbindings/status`.
    pub fn of(verbs: &[Verb], resource: &str) -> Self {
        Self {
            verbs: verbs.to_vec(),
            resource: Some(resource.to_owned()),
            ..Self::default()
        }
    }

    /// All requests with these verbs, except on Leases.
    pub fn all(verbs: &[Verb]) -> Self {
        Self {
            verbs: verbs.to_vec(),
            ..Self::default()
        }
    }

    /// Only those about one object.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        self.name = Some(name.to_owned());
        self
    }

    /// Only those in one namespace. An empty one means cluster-wide requests.
    #[must_use]
    pub fn within(mut self, namespace: &str) -> Self {
        self.namespace = Some(namespace.to_owned());
        self
    }

    fn covers(&self, asked: &Asked) -> bool {
        let is = |wanted: &Option<String>, found: &str| wanted.as_deref().is_none_or(|wanted| wanted == found);
        let excepted = self.resource.is_none() && asked.resource == "leases";
        self.verbs.contains(&asked.verb)
            && !excepted
            && is(&self.resource, &asked.resource)
            && is(&self.namespace, &asked.namespace)
            && is(&self.name, &asked.name)
    }
}

/// A fault that applies until its calls are used up or it is lifted.
#[derive(Clone, Debug)]
pub struct Rule {
    which: Which,
    fault: Fault,
    state: Arc<Mutex<For>>,
    met: Arc<AtomicU64>,
}

impl Rule {
    pub(super) fn new(which: Which, fault: Fault, calls: For) -> Self {
        Self {
            which,
            fault,
            state: Arc::new(Mutex::new(calls)),
            met: Arc::default(),
        }
    }

    /// Number of requests with this fault.
    pub fn met(&self) -> u64 {
        self.met.load(Ordering::SeqCst)
    }

    /// Removes the rule.
    pub fn lift(&self) {
        *self.left() = For::Calls(0);
    }

    fn left(&self) -> MutexGuard<'_, For> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, asked: &Asked) -> Option<Fault> {
        if !self.which.covers(asked) {
            return None;
        }
        match &mut *self.left() {
            For::Calls(0) => return None,
            For::Calls(left) => *left -= 1,
            For::Ever => {}
        }
        self.met.fetch_add(1, Ordering::SeqCst);
        Some(self.fault.clone())
    }
}

/// All rules. The first that matches a request applies.
#[derive(Debug, Default)]
pub(super) struct Rules(Mutex<Vec<Rule>>);

impl Rules {
    pub fn push(&self, rule: Rule) {
        self.lock().push(rule);
    }

    pub fn take(&self, asked: &Asked) -> Option<Fault> {
        self.lock().iter().find_map(|rule| rule.take(asked))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Rule>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
