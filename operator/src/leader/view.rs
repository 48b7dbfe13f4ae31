//! What a candidate has seen of the Lease, and whether it may take it.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use tokio::time::Instant;

/// How long an unrenewed Lease is valid. After a crash, a successor acts within this time plus one pause between two attempts.
pub(super) const LEASE_SECONDS: i32 = 12;
const LEASE_DURATION: Duration = Duration::from_secs(12);

/// The Lease as a waiting candidate knows it.
#[derive(Default)]
pub(super) struct View {
    pub(super) seen: Option<Seen>,
    /// The operator does not act before this time, although it holds the Lease.
    not_before: Option<Instant>,
}

/// A Lease as last read, and since when it has been unchanged.
pub(super) struct Seen {
    pub(super) lease: Lease,
    pub(super) since: Instant,
}

impl View {
    /// The operator created the Lease, because the previous one was deleted. The previous holder may write until it notices, at
    /// most as long as its Lease was valid.
    pub(super) fn created(&mut self, lease: &Lease, identity: &str, now: Instant) {
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
    pub(super) fn leader(&self, identity: &str) -> &str {
        let holder = self.seen.as_ref().and_then(|seen| holder(&seen.lease));
        match holder {
            Some(holder) if holder != identity => holder,
            _ if self.not_before.is_some() => "the holder of a Lease that was deleted",
            _ => "another operator",
        }
    }

    pub(super) fn may_act(&self, now: Instant) -> bool {
        self.not_before.is_none_or(|time| now >= time)
    }
}

pub(super) fn holder(lease: &Lease) -> Option<&str> {
    let holder = lease.spec.as_ref()?.holder_identity.as_deref()?;
    Some(holder).filter(|holder| !holder.is_empty())
}

/// Whether a Lease that has been unchanged for this long may be taken.
pub(super) fn is_free(lease: &Lease, identity: &str, unchanged: Duration) -> bool {
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
    use k8s_openapi::api::coordination::v1::LeaseSpec;

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
