//! The credentials in use. The SDK's own cache would have a signature wait for STS whenever they end; here they are replaced
//! before that, beside the calls.

use std::{
    fmt,
    sync::{PoisonError, RwLock, RwLockReadGuard},
    time::{Duration, SystemTime},
};

use aws_credential_types::{
    Credentials,
    provider::{ProvideCredentials, error::CredentialsError, future},
};
use tokio::time::Instant;

use super::redaction::secrets;
use crate::backend::{
    fault::{Cause, Fault},
    redaction::hide,
};

/// Between two tries to replace credentials that are still good.
const MIN_PAUSE: Duration = Duration::from_secs(5);
const MAX_PAUSE: Duration = Duration::from_mins(1);

/// Credentials, and when others have to take their place. Calls that are under way keep those that they began with.
#[derive(Default)]
pub struct Kept(RwLock<Option<Lease>>);

#[derive(Clone)]
struct Lease {
    credentials: Credentials,
    /// When they are asked for anew, and when they end; neither, where they have no end.
    until: Option<(Instant, Instant)>,
}

/// Whether other credentials are needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Not yet.
    No,
    /// Better now, while these are good.
    Soon,
    /// There are none that are good.
    Now,
}

impl Kept {
    /// These are good from now on, for two thirds of what is left of their life without a question.
    ///
    /// # Errors
    /// They have ended, by the clock of this machine.
    pub fn put(&self, credentials: Credentials, now: SystemTime) -> Result<(), Fault> {
        let until = match credentials.expiry() {
            None => None,
            Some(end) => {
                let life = end.duration_since(now).map_err(|early| {
                    let text = format!(
                        "found credentials that ended {} s ago by the clock of this machine (compare it: date -u)",
                        early.duration().as_secs()
                    );
                    Fault::new(Cause::Credentials, text)
                })?;
                let now = Instant::now();
                Some((now + life / 3 * 2, now + life))
            }
        };
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(Lease { credentials, until });
        Ok(())
    }

    /// Whether others are needed.
    pub fn due(&self) -> Due {
        match &*self.read() {
            None => Due::Now,
            Some(Lease { until: None, .. }) => Due::No,
            Some(Lease {
                until: Some((soon, end)),
                ..
            }) => {
                let now = Instant::now();
                match () {
                    () if now >= *end => Due::Now,
                    () if now >= *soon => Due::Soon,
                    () => Due::No,
                }
            }
        }
    }

    /// Others were not to be had: these go on for a while, and at most to their end.
    pub fn postpone(&self) {
        let mut lease = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(Lease {
            until: Some((soon, end)),
            ..
        }) = &mut *lease
        {
            let now = Instant::now();
            let left = end.saturating_duration_since(now);
            *soon = now + (left / 4).clamp(MIN_PAUSE, MAX_PAUSE);
        }
    }

    /// The text without what is secret of these.
    pub fn hide(&self, text: &str) -> String {
        match &*self.read() {
            Some(lease) => hide(text, secrets(&lease.credentials)),
            None => text.to_owned(),
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Option<Lease>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ProvideCredentials for Kept {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let credentials = self.read().as_ref().map(|lease| lease.credentials.clone());
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

    fn lasting(life: Option<u64>, now: SystemTime) -> Credentials {
        let end = life.map(|life| now + Duration::from_secs(life));
        Credentials::new("ASIAxxxx", "secret-key", None, end, "test")
    }

    #[tokio::test(start_paused = true)]
    async fn credentials_are_replaced_at_two_thirds_of_their_life() {
        let (kept, now) = (Kept::default(), SystemTime::now());
        assert_eq!(kept.due(), Due::Now);
        kept.put(lasting(Some(900), now), now).unwrap();
        let mut dues = Vec::new();
        for _ in 0..9 {
            dues.push(kept.due());
            advance(Duration::from_mins(2)).await;
        }
        assert_eq!(dues, [[Due::No; 5].as_slice(), &[Due::Soon; 3], &[Due::Now]].concat());
        kept.put(lasting(None, now), now).unwrap();
        advance(Duration::from_secs(1_000_000)).await;
        assert_eq!(kept.due(), Due::No);
    }

    #[tokio::test(start_paused = true)]
    async fn where_others_are_not_to_be_had_they_go_on_to_their_end() {
        let (kept, now) = (Kept::default(), SystemTime::now());
        kept.put(lasting(Some(900), now), now).unwrap();
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

    #[test]
    fn credentials_that_have_ended_are_told_with_the_clock() {
        let (kept, now) = (Kept::default(), SystemTime::now());
        let fault = kept
            .put(lasting(Some(60), now - Duration::from_mins(61)), now)
            .unwrap_err();
        assert!(
            fault.text().starts_with("found credentials that ended 3600 s ago") && fault.text().contains("date -u"),
            "{fault}"
        );
        assert_eq!(
            (format!("{kept:?}"), kept.hide("secret-key")),
            ("Kept(hidden)".to_owned(), "secret-key".to_owned())
        );
        kept.put(lasting(None, now), now).unwrap();
        assert_eq!(kept.hide("for secret-key"), "for [hidden]");
    }
}
