//! Leader election: of several operators, only the holder of a Lease acts.
//!
//! A leader that cannot renew its Lease exits before another candidate may take it, so two operators never write at the same
//! time. A candidate measures with its own clock how long a Lease has been unchanged, so clocks of different hosts need not
//! agree.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use kube::api::PostParams;
use kube::{Api, Client};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout_at};

use crate::cluster::boottime::BootTime;
use crate::cluster::fence::Fence;
use crate::cluster::within;
use crate::model::error::Error;

/// Name of the Lease, in the operator's namespace.
pub const LEASE: &str = "signer-operator";

/// How long an unrenewed Lease is valid. After a crash, a successor acts within [`LEASE_SECONDS`] plus one [`RETRY`].
const LEASE_SECONDS: i32 = 12;
const LEASE_DURATION: Duration = Duration::from_secs(12);
const RENEW: Duration = Duration::from_secs(3);
const RETRY: Duration = Duration::from_secs(1);
/// The longest pause before a refused request for the Lease is repeated.
const LONGEST_RETRY: Duration = Duration::from_mins(1);
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

/// The Lease as a waiting candidate knows it.
#[derive(Default)]
struct View {
    seen: Option<Seen>,
    /// The operator does not act before this time, although it holds the Lease.
    not_before: Option<Instant>,
}

/// A Lease as last read, and since when it has been unchanged.
struct Seen {
    lease: Lease,
    since: Instant,
}

/// Backs off while a permission or a policy refuses the Lease, and logs the same answer once.
#[derive(Default)]
struct Refused {
    in_a_row: u32,
    told: Option<String>,
}

impl Refused {
    fn is_news(&mut self, error: &Error) -> bool {
        let answer = error.refusal().map(|status| status.message.clone());
        let is_news = answer.is_none() || answer != self.told;
        self.told = answer;
        is_news
    }

    /// The pause before the next attempt. If the API server is unreachable, the attempt follows soon, because the other
    /// candidates are in the same situation.
    fn pause(&mut self, error: &Error) -> Duration {
        if error.refusal().is_none() {
            self.in_a_row = 0;
            return RETRY;
        }
        let pause = RETRY.saturating_mul(1 << self.in_a_row.min(6)).min(LONGEST_RETRY);
        self.in_a_row = self.in_a_row.saturating_add(1);
        pause
    }
}

impl View {
    /// The operator created the Lease, because the previous one was deleted. The previous holder may write until it notices, at
    /// most as long as its Lease was valid.
    fn created(&mut self, lease: &Lease, identity: &str, now: Instant) {
        let holder = self.seen.as_ref().and_then(|seen| holder(&seen.lease));
        if holder.is_some_and(|holder| holder != identity) {
            self.not_before = Some(now + LEASE_DURATION);
        }
        self.seen = Some(Seen {
            lease: lease.clone(),
            since: now,
        });
    }

    /// Who leads, if it is another operator.
    fn leader(&self, identity: &str) -> &str {
        let holder = self.seen.as_ref().and_then(|seen| holder(&seen.lease));
        match holder {
            Some(holder) if holder != identity => holder,
            _ if self.not_before.is_some() => "the holder of a Lease that was deleted",
            _ => "another operator",
        }
    }

    fn may_act(&self, now: Instant) -> bool {
        self.not_before.is_none_or(|time| now >= time)
    }
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

fn holder(lease: &Lease) -> Option<&str> {
    let holder = lease.spec.as_ref()?.holder_identity.as_deref()?;
    Some(holder).filter(|holder| !holder.is_empty())
}

/// Whether a Lease that has been unchanged for this long may be taken.
fn is_free(lease: &Lease, identity: &str, unchanged: Duration) -> bool {
    let seconds = lease
        .spec
        .as_ref()
        .and_then(|spec| spec.lease_duration_seconds)
        .unwrap_or(LEASE_SECONDS);
    let limit = Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
    holder(lease).is_none_or(|holder| holder == identity) || unchanged >= limit
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(holder: &str) -> Lease {
        let spec = LeaseSpec {
            holder_identity: Some(holder.to_owned()),
            lease_duration_seconds: Some(12),
            ..LeaseSpec::default()
        };
        Lease {
            spec: Some(spec),
            ..Lease::default()
        }
    }

    #[test]
    fn a_lease_is_free_when_given_back_our_own_or_run_out() {
        let young = Duration::from_secs(11);
        assert!(!is_free(&lease("other"), "us", young));
        assert!(is_free(&lease("other"), "us", Duration::from_secs(12)));
        assert!(is_free(&lease(""), "us", Duration::ZERO));
        assert!(is_free(&lease("us"), "us", Duration::ZERO));
    }

    #[test]
    fn a_lease_that_is_refused_is_asked_for_less_and_less_often_and_told_of_once() {
        let answered = |code: u16, message: &str| Error::Request {
            attempt: "write the Lease",
            source: Box::new(kube::Error::Api(
                kube::core::Status::failure(message, "").with_code(code).boxed(),
            )),
        };
        let (mut refused, denied) = (Refused::default(), answered(403, "no"));
        let pauses: Vec<_> = (0..8).map(|_| refused.pause(&denied).as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(refused.pause(&answered(503, "busy")), RETRY);
        assert_eq!(refused.pause(&denied), RETRY);
        assert!(refused.is_news(&denied) && !refused.is_news(&denied));
        assert!(refused.is_news(&answered(422, "never")) && refused.is_news(&answered(503, "busy")));
    }

    #[test]
    fn a_time_comes_back_from_the_api_server_as_it_was_sent() {
        for _ in 0..10 {
            let sent = now();
            let stored: MicroTime = serde_json::from_value(serde_json::to_value(&sent).unwrap()).unwrap();
            assert_eq!(stored, sent);
        }
    }

    #[test]
    fn a_lease_in_place_of_one_that_another_held_is_not_acted_on_before_that_one_has_run_out() {
        let now = Instant::now();
        let of = |seen: Option<Lease>| {
            let seen = seen.map(|lease| Seen { lease, since: now });
            let mut view = View { seen, not_before: None };
            view.created(&lease("us"), "us", now);
            [now, now + LEASE_DURATION].map(|time| view.may_act(time))
        };
        assert_eq!(of(Some(lease("other"))), [false, true]);
        assert_eq!(of(None), [true, true], "the first one of a cluster");
        assert_eq!(of(Some(lease(""))), [true, true], "given back");
    }
}
