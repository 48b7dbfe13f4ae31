//! The token in use. One login provides it for all calls and clients. It is renewed, and replaced before it expires.

use std::sync::{Arc, PoisonError, RwLock};

use serde::de::IgnoredAny;
use tokio::{
    sync::Mutex,
    time::{Duration, Instant, sleep, sleep_until},
};

use super::{
    auth::Auth,
    http::Http,
    lease::{Act, Lease, Term, Verdict},
    login,
};
use crate::backend::fault::{Cause, Fault};

/// How often to check for a token to renew, while there is none.
const IDLE: Duration = Duration::from_secs(1);

/// The token of all clients of a session.
#[derive(Debug)]
pub struct Credentials {
    auth: Auth,
    /// For messages.
    server: String,
    term: RwLock<Result<Term, Fault>>,
    /// Serialises login, renewal and lookup, so that the next caller finds the result.
    acting: Mutex<()>,
}

impl Credentials {
    pub fn new(auth: Auth, server: String) -> Self {
        Self {
            auth,
            server,
            term: RwLock::new(Err(no_token_yet())),
            acting: Mutex::new(()),
        }
    }

    /// The token in use, or why there is none.
    pub fn current(&self) -> Result<Arc<Lease>, Fault> {
        match &*self.read() {
            Ok(term) if term.is_over(Instant::now()) => Err(Fault::new(
                Cause::Credentials,
                "the token of the key service has expired, and there is no new one yet",
            )),
            Ok(term) => Ok(term.lease.clone()),
            Err(fault) => Err(fault.clone()),
        }
    }

    /// Logs in, unless there is a valid token.
    pub async fn ensure(&self, http: &Http) -> Result<(), Fault> {
        let _acting = self.acting.lock().await;
        if self.current().is_ok() {
            return Ok(());
        }
        let asked = Instant::now();
        let term = login::log_in(http, &self.auth)
            .await
            .map(|grant| Term::begin(grant, asked));
        let result = term.as_ref().map(|_| ()).map_err(Clone::clone);
        self.set(term);
        result
    }

    /// Renews the token in time, and logs in again before it expires. Never ends.
    pub async fn keep(&self, http: &Http) {
        loop {
            match self.next() {
                Some((at, _)) => sleep_until(at).await,
                None => sleep(IDLE).await,
            }
            let _acting = self.acting.lock().await;
            // Another client may have done it in the meantime.
            match self.next() {
                Some((at, act)) if at <= Instant::now() => self.act(http, act).await,
                _ => {}
            }
        }
    }

    /// Decides about a call that began at this moment and was denied: either the token is invalid, or it lacks the permission.
    pub async fn examine(&self, http: &Http, lease: &Arc<Lease>, begun: Instant) -> Verdict {
        let _acting = self.acting.lock().await;
        match self.current() {
            Ok(current) if Arc::ptr_eq(&current, lease) => {}
            Ok(_) => return Verdict::Dead(Fault::new(Cause::Credentials, "the token was replaced during the call")),
            Err(fault) => return Verdict::Dead(fault),
        }
        if let Some(verdict) = lease.verdict_after(begun) {
            return verdict;
        }
        let verdict = match login::look_up::<IgnoredAny>(http, &lease.token).await {
            Ok(_) => {
                lease.note_success();
                Verdict::Good
            }
            Err(refusal) if refusal.is_denial() => {
                let text = refusal.fault.text();
                if is_of_the_token(text).unwrap_or_else(|| lease.is_dead_if_denied(Instant::now())) {
                    let fault = Fault::new(
                        Cause::Credentials,
                        format!("the key service no longer accepts the token: it has expired or was revoked ({text})"),
                    );
                    self.set(Err(fault.clone()));
                    Verdict::Dead(fault)
                } else {
                    Verdict::Good
                }
            }
            Err(refusal) => Verdict::Unknown(refusal.fault),
        };
        lease.note_verdict(Instant::now(), verdict.clone());
        verdict
    }

    fn next(&self) -> Option<(Instant, Act)> {
        self.read().as_ref().ok().and_then(Term::next)
    }

    async fn act(&self, http: &Http, act: Act) {
        let Ok(mut term) = self.read().clone() else { return };
        let asked = Instant::now();
        if term.is_over(asked) {
            // The token could not be kept. Another client starts again, at its own pace.
            self.set(Err(Fault::new(
                Cause::Credentials,
                "the token of the key service has expired: it could be neither renewed nor replaced",
            )));
            return;
        }
        if act == Act::Renew && !login::is_replaced(&self.auth, &term.lease.token).await {
            match login::renew(http, &term.lease.token).await {
                Ok(life) if !life.is_zero() => {
                    term.renewed(life, asked);
                    self.set(Ok(term));
                    return;
                }
                Err(refusal) if !refusal.is_final() => {
                    tracing::warn!(
                        "the token of the key service could not be renewed, trying again: {}",
                        refusal.fault
                    );
                    term.postpone(Instant::now());
                    self.set(Ok(term));
                    return;
                }
                Ok(_) | Err(_) => term.not_renewable(asked),
            }
        }
        match login::log_in(http, &self.auth).await {
            Ok(grant) => self.set(Ok(Term::begin(grant, asked))),
            Err(fault) => {
                tracing::warn!("no new token of the key service was received, trying again: {fault}");
                term.postpone(Instant::now());
                self.set(Ok(term));
            }
        }
    }

    fn set(&self, term: Result<Term, Fault>) {
        let mut current = self.term.write().unwrap_or_else(PoisonError::into_inner);
        if let Ok(term) = &term {
            let identity = &term.lease.identity;
            let is_known = current.as_ref().is_ok_and(|before| before.lease.identity == *identity);
            if !is_known {
                tracing::info!("asking {} as {identity}", self.server);
            }
        }
        *current = term;
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Result<Term, Fault>> {
        self.term.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a denial gives the token or its permissions as the reason. None if it gives neither. Vault reports an unknown token;
/// both servers report a known one's problem only as an error of the operation.
fn is_of_the_token(text: &str) -> Option<bool> {
    if ["invalid token", "bad token"].iter().any(|words| text.contains(words)) {
        Some(true)
    } else if text.contains("error occurred") {
        Some(false)
    } else {
        None
    }
}

/// Before the first login.
pub fn no_token_yet() -> Fault {
    Fault::new(
        Cause::Credentials,
        "no token yet: the login at the key service has not given one",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_denial_is_of_the_token_or_of_what_it_may_do() {
        for (text, expected) in [
            ("permission denied (HTTP 403)", None),
            ("1 error occurred: * permission denied (HTTP 403)", Some(false)),
            (
                "2 errors occurred: * permission denied * invalid token (HTTP 403)",
                Some(true),
            ),
            ("bad token (HTTP 403)", Some(true)),
        ] {
            assert_eq!(is_of_the_token(text), expected, "{text}");
        }
    }
}
