//! Leader election: of several operators, only the holder of a Lease acts.
//!
//! A leader that cannot renew its Lease exits before another candidate may take it, so two operators never write at the same
//! time. A candidate measures with its own clock how long a Lease has been unchanged, so clocks of different hosts need not
//! agree.

mod refused;
mod view;

use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use kube::api::PostParams;
use kube::{Api, Client};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout_at};

use self::refused::{RETRY, Refused};
use self::view::{LEASE_SECONDS, Seen, View, holder, is_free};
use crate::cluster::boottime::BootTime;
use crate::cluster::fence::Fence;
use crate::cluster::within;
use crate::model::error::Error;

/// Name of the Lease, in the operator's namespace.
pub const LEASE: &str = "signer-operator";

const RENEW: Duration = Duration::from_secs(3);
/// How long renewals may fail before a leader gives up. The rest of the Lease's validity is for its last requests to finish.
const RENEW_LIMIT: Duration = Duration::from_secs(8);
const CALL_LIMIT: Duration = Duration::from_secs(3);
/// How many attempts to write a free or own Lease are made before the clock is checked again.
const WRITES: u32 = 3;

/// The state of a candidate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The Lease could not be read.
    Unknown,
    /// Another operator leads. The text names it.
    Waiting(String),
    /// This operator has the Lease.
    Leading,
}

/// A candidate for leadership.
pub struct Candidate {
    leases: Api<Lease>,
    identity: String,
}

/// The operator's Lease, and the time at which the request that last renewed it was sent.
pub struct Held {
    lease: Lease,
    renewed: Moment,
}

/// One point in time on two clocks: one for waiting, and one that continues during suspension and ends writes.
#[derive(Clone, Copy)]
struct Moment {
    waking: Instant,
    boot: BootTime,
}

impl Moment {
    fn now() -> Self {
        Self {
            waking: Instant::now(),
            boot: BootTime::now(),
        }
    }
}

/// The result of writing this operator's name into a Lease.
enum Outcome {
    Written(Held),
    /// Another candidate holds it.
    Taken,
    /// The Lease was deleted.
    Gone,
    /// This operator holds it, but no recent write is known to have succeeded.
    Unclear(Lease),
}

impl Candidate {
    /// A candidate with this name, which no other process may have.
    pub fn new(client: Client, namespace: &str, identity: String) -> Self {
        Self {
            leases: Api::namespaced(client, namespace),
            identity,
        }
    }

    /// Waits until this candidate leads, reports its state meanwhile, and returns its Lease.
    pub async fn lead(&self, standing: &watch::Sender<Standing>) -> Held {
        let mut view = View::default();
        let mut refused = Refused::default();
        loop {
            let mut pause = RETRY;
            match self.step(&mut view).await {
                Ok(Some(held)) => return held,
                Ok(None) => {
                    refused = Refused::default();
                    tell(standing, Standing::Waiting(view.leader(&self.identity).to_owned()));
                }
                Err(error) => {
                    tell(standing, Standing::Unknown);
                    if refused.is_news(&error) {
                        tracing::warn!(
                            %error,
                            "the Lease {LEASE} cannot be read or written; the chart's Role lets the operator get, create and update it"
                        );
                    }
                    pause = refused.pause(&error);
                }
            }
            sleep(pause).await;
        }
    }

    /// Renews until that fails for too long, and returns why. The fence lets writes through meanwhile, and none afterwards.
    pub async fn keep(&self, held: Held, fence: &Fence) -> String {
        let why = self.renew_while_possible(held, fence).await;
        fence.shut();
        why
    }

    async fn renew_while_possible(&self, Held { mut lease, mut renewed }: Held, fence: &Fence) -> String {
        let (mut pause, mut why) = (RENEW, None);
        loop {
            let limit = renewed.waking + RENEW_LIMIT;
            fence.open_until(renewed.boot + RENEW_LIMIT);
            let renewal = async {
                sleep(pause).await;
                self.write(&lease).await
            };
            match timeout_at(limit, renewal).await {
                Err(_) => return why.unwrap_or_else(|| "the API server does not answer in time".to_owned()),
                Ok(Ok(Outcome::Written(held))) => {
                    (lease, renewed) = (held.lease, held.renewed);
                    (pause, why) = (RENEW, None);
                }
                Ok(Ok(Outcome::Taken)) => return "another operator has taken it".to_owned(),
                Ok(Ok(Outcome::Gone)) => return "it was deleted".to_owned(),
                Ok(Ok(Outcome::Unclear(found))) => (lease, pause) = (found, RETRY),
                Ok(Err(error)) => {
                    tracing::warn!(%error, "the Lease was not renewed; trying again");
                    (pause, why) = (RETRY, Some(error.to_string()));
                }
            }
        }
    }

    /// Writes this operator's name into a Lease that is free or already its own. A conflict does not yet mean that the Lease is
    /// lost: the answer to an earlier write may have been lost, or the write may have been sent twice.
    async fn write(&self, lease: &Lease) -> Result<Outcome, Error> {
        let mut lease = lease.clone();
        for _ in 0..WRITES {
            let (spec, renewed) = (self.spec(&lease), Moment::now());
            match self.put(&lease, spec.clone()).await {
                Ok(lease) => return Ok(Outcome::Written(Held { lease, renewed })),
                Err(error) if error.is_conflict() => {}
                Err(error) if error.is_not_found() => return Ok(Outcome::Gone),
                Err(error) => return Err(error),
            }
            match self.read().await? {
                Some(found) if holder(&found) == Some(&self.identity) => lease = found,
                Some(_) => return Ok(Outcome::Taken),
                None => return Ok(Outcome::Gone),
            }
            if lease
                .spec
                .as_ref()
                .is_some_and(|found| found.renew_time == spec.renew_time)
            {
                return Ok(Outcome::Written(Held { lease, renewed }));
            }
        }
        Ok(Outcome::Unclear(lease))
    }

    /// Lets the next candidate lead immediately.
    pub async fn release(&self) {
        let Ok(Some(lease)) = self.read().await else { return };
        if holder(&lease) != Some(&self.identity) {
            return;
        }
        let spec = LeaseSpec {
            holder_identity: Some(String::new()),
            lease_duration_seconds: Some(1),
            ..lease.spec.clone().unwrap_or_default()
        };
        if let Err(error) = self.put(&lease, spec).await {
            tracing::info!(%error, "the Lease was not released and expires");
        }
    }

    /// Reads the Lease once, and takes it if it is free.
    async fn step(&self, view: &mut View) -> Result<Option<Held>, Error> {
        let Some(lease) = self.read().await? else {
            let renewed = Moment::now();
            let lease = Lease {
                metadata: kube::api::ObjectMeta {
                    name: Some(LEASE.to_owned()),
                    ..Default::default()
                },
                spec: Some(self.spec(&Lease::default())),
            };
            let created = within(
                CALL_LIMIT,
                "create the Lease",
                self.leases.create(&PostParams::default(), &lease),
            )
            .await;
            return match created {
                Ok(lease) => {
                    let now = Instant::now();
                    view.created(&lease, &self.identity, now);
                    Ok(view.may_act(now).then_some(Held { lease, renewed }))
                }
                Err(error) if error.is_conflict() => Ok(None),
                Err(error) => Err(error),
            };
        };
        let now = Instant::now();
        let since = match &view.seen {
            Some(seen) if seen.lease.metadata.resource_version == lease.metadata.resource_version => seen.since,
            _ => now,
        };
        let is_free = is_free(&lease, &self.identity, now.duration_since(since));
        view.seen = Some(Seen {
            lease: lease.clone(),
            since,
        });
        if !is_free {
            return Ok(None);
        }
        Ok(match self.write(&lease).await? {
            Outcome::Written(held) => Some(held).filter(|_| view.may_act(Instant::now())),
            Outcome::Taken | Outcome::Gone | Outcome::Unclear(_) => None,
        })
    }

    /// The next spec of the Lease, given its current one.
    fn spec(&self, lease: &Lease) -> LeaseSpec {
        let now = now();
        let before = lease.spec.clone().unwrap_or_default();
        let is_ours = before.holder_identity.as_deref() == Some(&self.identity);
        LeaseSpec {
            holder_identity: Some(self.identity.clone()),
            lease_duration_seconds: Some(LEASE_SECONDS),
            acquire_time: before.acquire_time.filter(|_| is_ours).or_else(|| Some(now.clone())),
            renew_time: Some(now),
            lease_transitions: Some(before.lease_transitions.unwrap_or(0) + i32::from(!is_ours)),
            ..before
        }
    }

    /// Replaces the Lease, unless another client has written it in the meantime.
    async fn put(&self, lease: &Lease, spec: LeaseSpec) -> Result<Lease, Error> {
        let next = Lease {
            spec: Some(spec),
            ..lease.clone()
        };
        within(
            CALL_LIMIT,
            "write the Lease",
            self.leases.replace(LEASE, &PostParams::default(), &next),
        )
        .await
    }

    async fn read(&self) -> Result<Option<Lease>, Error> {
        within(CALL_LIMIT, "read the Lease", self.leases.get_opt(LEASE)).await
    }
}

/// The present time, rounded to the precision of a Lease, so that the returned value compares equal.
fn now() -> MicroTime {
    let now = Timestamp::now();
    MicroTime(Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now))
}

fn tell(standing: &watch::Sender<Standing>, now: Standing) {
    if standing.send_replace(now.clone()) != now
        && let Standing::Waiting(holder) = now
    {
        tracing::info!(holder, "waiting: another operator is the leader");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_comes_back_from_the_api_server_as_it_was_sent() {
        for _ in 0..10 {
            let sent = now();
            let stored: MicroTime = serde_json::from_value(serde_json::to_value(&sent).unwrap()).unwrap();
            assert_eq!(stored, sent);
        }
    }
}
