//! The credentials in use. With the SDK's own cache, a signature would wait for STS whenever they expire. Here they are replaced
//! before that, in parallel with the calls.

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
    time::{Duration, SystemTime},
};

use aws_credential_types::{
    Credentials,
    provider::{ProvideCredentials, error::CredentialsError, future},
};
use tokio::time::Instant;

use super::redaction::secrets;
use crate::backend::{fault::Fault, redaction::hide};

/// Pause between attempts to replace credentials that are still valid.
const MIN_PAUSE: Duration = Duration::from_secs(5);
const MAX_PAUSE: Duration = Duration::from_mins(1);
/// The shortest session that AWS offers.
const SHORTEST_LIFE: Duration = Duration::from_mins(15);

/// Credentials, and when they must be replaced. All clients share them, because stale connections are no reason for another
/// login. A running call keeps the credentials that it began with.
#[derive(Default)]
pub struct Kept(RwLock<Option<Lease>>);

struct Lease {
    given: Arc<Given>,
    /// When they are renewed and when they expire. None if they do not expire.
    until: Option<(Instant, Instant)>,
    is_refused: bool,
}

struct Given {
    credentials: Credentials,
    /// How their validity conflicts with the clock of this host.
    doubt: Option<String>,
}

/// The credentials of a call, if there are any.
pub struct Used(Option<Arc<Given>>);

/// Whether new credentials are needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Not yet.
    No,
    /// Preferably now, while the present ones are valid.
    Soon,
    /// KMS refused them before they expired.
    Refused,
    /// There are no valid ones.
    Now,
}

impl Kept {
    /// Stores credentials, which need no renewal for two thirds of their remaining lifetime. If they have expired by the clock of
    /// this host, they may be valid by that of AWS, so they are used and soon renewed.
    pub fn put(&self, credentials: Credentials, now: SystemTime) {
        let (mut life, mut doubt) = (None, None);
        if let Some(end) = credentials.expiry() {
            life = Some(end.duration_since(now).unwrap_or_else(|early| {
                doubt = Some(format!(
                    "the credentials expired {} s ago by the clock of this host; check it: date -u",
                    early.duration().as_secs()
                ));
                SHORTEST_LIFE
            }));
        }
        let now = Instant::now();
        *self.write() = Some(Lease {
            given: Arc::new(Given { credentials, doubt }),
            until: life.map(|life| (now + life / 3 * 2, now + life)),
            is_refused: false,
        });
    }

    /// Whether new ones are needed.
    pub fn due(&self) -> Due {
        let lease = self.read();
        let Some(Lease { until, is_refused, .. }) = &*lease else {
            return Due::Now;
        };
        let now = Instant::now();
        match *until {
            Some((_, end)) if now >= end => Due::Now,
            _ if *is_refused => Due::Refused,
            Some((soon, _)) if now >= soon => Due::Soon,
            _ => Due::No,
        }
    }

    /// No new ones were available. The present ones stay in use, at most until they expire.
    pub fn postpone(&self) {
        if let Some(Lease {
            until: Some((soon, end)),
            ..
        }) = &mut *self.write()
        {
            let now = Instant::now();
            let left = end.saturating_duration_since(now);
            *soon = now + (left / 4).clamp(MIN_PAUSE, MAX_PAUSE);
        }
    }

    /// The credentials for a call that begins now.
    pub fn used(&self) -> Used {
        Used(self.read().as_ref().map(|lease| Arc::clone(&lease.given)))
    }

    /// KMS refuses these, although they may not have expired. New ones are needed, unless they exist already.
    pub fn refuse(&self, used: &Used) {
        if let (Some(lease), Some(used)) = (&mut *self.write(), &used.0)
            && Arc::ptr_eq(&lease.given, used)
        {
            lease.is_refused = true;
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Option<Lease>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Option<Lease>> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Used {
    /// The text without the secrets of these credentials.
    pub fn hide(&self, text: &str) -> String {
        match self.0.as_deref() {
            Some(Given { credentials, .. }) => hide(text, secrets(credentials)),
            None => text.to_owned(),
        }
    }

    /// A refusal of these credentials. It has a note if this host's clock does not agree with their validity.
    pub fn explain(&self, fault: Fault) -> Fault {
        match self.0.as_deref().and_then(|given| given.doubt.as_deref()) {
            Some(doubt) => fault.with_note(doubt),
            None => fault,
        }
    }
}

impl ProvideCredentials for Kept {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let credentials = self.read().as_ref().map(|lease| lease.given.credentials.clone());
        future::ProvideCredentials::ready(credentials.ok_or_else(|| CredentialsError::not_loaded("none yet")))
    }
}

impl fmt::Debug for Kept {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Kept(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;
    use crate::backend::fault::Cause;

    fn lasting(life: Option<u64>, now: SystemTime) -> Credentials {
        let end = life.map(|life| now + Duration::from_secs(life));
        Credentials::new("ASIAxxxx", "secret-key", None, end, "test")
    }

    #[tokio::test(start_paused = true)]
    async fn credentials_are_replaced_at_two_thirds_of_their_life() {
        let (kept, now) = (Kept::default(), SystemTime::now());
        assert_eq!(kept.due(), Due::Now);
        kept.put(lasting(Some(900), now), now);
        let mut dues = Vec::new();
        for _ in 0..9 {
            dues.push(kept.due());
            advance(Duration::from_mins(2)).await;
        }
        assert_eq!(dues, [[Due::No; 5].as_slice(), &[Due::Soon; 3], &[Due::Now]].concat());
        kept.put(lasting(None, now), now);
        advance(Duration::from_secs(1_000_000)).await;
        assert_eq!(kept.due(), Due::No);
    }

    #[tokio::test(start_paused = true)]
    async fn where_others_are_not_to_be_had_they_go_on_to_their_end() {
        let (kept, now) = (Kept::default(), SystemTime::now());
        kept.put(lasting(Some(900), now), now);
        advance(Duration::from_mins(10)).await;
        let mut tries = 0;
        while kept.due() != Due::Now {
            if kept.due() == Due::Soon {
                tries += 1;
                kept.postpone();
            }
            advance(Duration::from_secs(5)).await;
        }
        assert!((5..=20).contains(&tries), "{tries}");
    }

    #[tokio::test(start_paused = true)]
    async fn refused_ones_are_replaced_before_their_end_and_only_once() {
        let (kept, now) = (Kept::default(), SystemTime::now());
        for life in [Some(900), None] {
            kept.put(lasting(life, now), now);
            let used = kept.used();
            kept.refuse(&used);
            kept.refuse(&used);
            assert_eq!(kept.due(), Due::Refused);
            kept.postpone();
            assert_eq!(kept.due(), Due::Refused, "until there are others");
            kept.put(lasting(life, now), now);
            kept.refuse(&used);
            assert_eq!(kept.due(), Due::No, "a call that began before is refused after it");
        }
        kept.put(lasting(Some(900), now), now);
        kept.refuse(&kept.used());
        advance(Duration::from_mins(15)).await;
        assert_eq!(kept.due(), Due::Now);
    }

    #[tokio::test(start_paused = true)]
    async fn credentials_that_have_ended_by_this_clock_are_tried_and_a_refusal_tells_of_it() {
        let (kept, now) = (Kept::default(), SystemTime::now());
        let refused = || kept.used().explain(Fault::new(Cause::Unauthenticated, "refused"));
        kept.put(lasting(Some(60), now - Duration::from_mins(61)), now);
        assert_eq!(kept.due(), Due::No);
        let told = refused();
        assert!(
            told.text().starts_with("refused (the credentials expired 3600 s ago") && told.text().contains("date -u"),
            "{told}"
        );
        advance(Duration::from_mins(10)).await;
        assert_eq!(kept.due(), Due::Soon);
        kept.put(lasting(Some(60), now), now);
        assert_eq!(refused().text(), "refused");
    }

    #[test]
    fn what_is_secret_is_not_shown() {
        let (kept, now) = (Kept::default(), SystemTime::now());
        assert_eq!(
            (format!("{kept:?}"), kept.used().hide("secret-key")),
            ("Kept(hidden)".to_owned(), "secret-key".to_owned())
        );
        kept.put(lasting(None, now), now);
        assert_eq!(kept.used().hide("for secret-key"), "for [hidden]");
    }
}
