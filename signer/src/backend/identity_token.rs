//! The token that Kubernetes gives only to the signer: a projected ServiceAccount token in a file, which the kubelet replaces
//! before it expires. Key services accept it as proof of identity.

use std::{
    ffi::OsString,
    fmt,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use clap::ArgMatches;
use data_encoding::BASE64URL_NOPAD;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::{
    fault::{Cause, Fault},
    secret_file,
};
use crate::{
    one_line::cut,
    settings::{ConfigError, text},
};

/// The variable that names the file, for messages.
const VARIABLE: &str = "ATTO_SIGNER_IDENTITY_TOKEN_FILE";
/// Its argument name.
const ARGUMENT: &str = "identity_token_file";
/// The path at which the operator mounts it.
const DEFAULT: &str = "/var/run/secrets/signer.atto.cash/identity/token";
/// How far the issuer's clock may be ahead of this host's without a warning.
const SKEW: Duration = Duration::from_secs(30);
/// Google accepts no longer subject.
const MAX_SUBJECT: usize = 127;
/// Maximum length of the path in a message.
const SHOWN: usize = 120;

/// The path of the token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityTokenFile {
    variable: &'static str,
    path: PathBuf,
}

/// The content of the file: a JWT. Wiped when dropped.
pub struct IdentityToken {
    text: Zeroizing<String>,
    doubt: Option<String>,
}

/// The used claims of a token: validity times in seconds since 1970, and the subject.
#[derive(Deserialize)]
struct Claims {
    exp: Option<f64>,
    nbf: Option<f64>,
    iat: Option<f64>,
    sub: Option<String>,
}

impl IdentityTokenFile {
    /// The configured file, or the one that the operator mounts.
    ///
    /// # Errors
    /// The setting is empty or not UTF-8.
    pub fn read_setting(matches: &ArgMatches) -> Result<Self, ConfigError> {
        const EXPECTED: &str = "the file with the Kubernetes token of this pod";
        let value = matches.try_get_one::<OsString>(ARGUMENT).ok().flatten();
        let path = text(VARIABLE, value, EXPECTED)?.unwrap_or(DEFAULT);
        Ok(Self::named(VARIABLE, path))
    }

    /// A file that another variable names.
    pub fn named(variable: &'static str, path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        Self { variable, path }
    }

    /// Whether the file is set.
    pub fn is_set(matches: &ArgMatches) -> bool {
        matches!(matches.try_contains_id(ARGUMENT), Ok(true))
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The token that is in the file now. The caller keeps it only for one login, because the kubelet replaces it. The key
    /// service decides whether it is valid, because the clock of this host may be wrong, see [`IdentityToken::explain`].
    ///
    /// # Errors
    /// With [`Cause::Credentials`]: the found content in words, and what to do. Never the content of the file.
    pub async fn token(&self) -> Result<IdentityToken, Fault> {
        let file = self.clone();
        let reading = tokio::task::spawn_blocking(move || file.read(SystemTime::now()));
        reading.await.unwrap_or_else(|_| Err(self.wrong("unreadable content")))
    }

    fn read(&self, now: SystemTime) -> Result<IdentityToken, Fault> {
        let token = secret_file::read(&self.path).map_err(|found| self.wrong(&found))?;
        let claims = claims(token.trim_ascii())
            .ok_or_else(|| self.wrong("no JWT (three parts between dots), or a part of one,"))?;
        let doubt = doubt(&claims, now).map(|found| {
            let file = cut(&self.path.to_string_lossy(), SHOWN);
            format!("the token in {file} {found} by the clock of this host; check it: date -u")
        });
        Ok(IdentityToken { text: token, doubt })
    }

    fn wrong(&self, found: &str) -> Fault {
        let file = cut(&self.path.to_string_lossy(), SHOWN);
        let text = format!(
            "{}: found {found} in {file}, expected a Kubernetes token, as a projected volume gives it",
            self.variable
        );
        Fault::new(Cause::Credentials, text)
    }
}

impl IdentityToken {
    /// The subject, such as `system:serviceaccount:NAMESPACE:NAME`. Only the key service can verify it.
    pub fn subject(&self) -> Option<String> {
        let Claims { sub, .. } = claims(self.as_str())?;
        let sub = sub?;
        let is_name = sub.len() <= MAX_SUBJECT && sub.bytes().all(|character| character.is_ascii_graphic());
        is_name.then_some(sub)
    }

    /// The token itself: a secret.
    pub fn as_str(&self) -> &str {
        self.text.trim_ascii()
    }

    /// The failure of a login with this token. If the token is invalid according to this host's clock, the text says so: the
    /// token or the clock is wrong.
    pub fn explain(&self, fault: Fault) -> Fault {
        match &self.doubt {
            Some(doubt) => fault.with_note(doubt),
            None => fault,
        }
    }
}

impl fmt::Debug for IdentityToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("IdentityToken(hidden)")
    }
}

/// Describes how the token's validity conflicts with this clock.
fn doubt(Claims { exp, nbf, iat, sub: _ }: &Claims, now: SystemTime) -> Option<String> {
    let now = now
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs_f64();
    if let Some(exp) = exp.filter(|exp| *exp <= now) {
        return Some(format!("ended {} ago", duration(now - exp)));
    }
    let begin = nbf.iter().chain(iat).fold(0.0, |latest, time| f64::max(latest, *time));
    (begin > now + SKEW.as_secs_f64()).then(|| format!("begins in {}", duration(begin - now)))
}

/// The claims of a JWT. Only the key service can verify them.
fn claims(text: &str) -> Option<Claims> {
    let mut parts = text.split('.');
    let (header, payload, signature) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let decode = |part: &str| {
        BASE64URL_NOPAD
            .decode(part.as_bytes())
            .ok()
            .filter(|bytes| !bytes.is_empty())
    };
    decode(signature)?;
    serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(&decode(header)?).ok()?;
    serde_json::from_slice(&decode(payload)?).ok()
}

/// Whole seconds, or days for a long time.
fn duration(seconds: f64) -> String {
    if seconds < 172_800.0 {
        format!("{} s", seconds.ceil())
    } else {
        format!("{} days", (seconds / 86_400.0).floor())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_800_000_000;

    fn jwt(claims: &serde_json::Value) -> String {
        let part = |text: String| BASE64URL_NOPAD.encode(text.as_bytes());
        format!(
            "{}.{}.{}",
            part(r#"{"alg":"RS256"}"#.to_owned()),
            part(claims.to_string()),
            BASE64URL_NOPAD.encode(b"signature")
        )
    }

    fn claims_of(value: &serde_json::Value) -> Claims {
        claims(&jwt(value)).unwrap()
    }

    #[test]
    fn a_token_between_its_begin_and_its_end_is_not_doubted() {
        let doubted = |claims: &serde_json::Value| {
            let now = SystemTime::UNIX_EPOCH + Duration::from_secs(NOW);
            doubt(&claims_of(claims), now)
        };
        for fine in [
            serde_json::json!({ "exp": NOW + 1, "nbf": NOW, "iat": NOW }),
            serde_json::json!({ "exp": NOW + 1, "iat": NOW + 30 }),
            serde_json::json!({ "exp": 1_800_000_000.5 }),
            serde_json::json!({}),
        ] {
            assert_eq!(doubted(&fine), None, "{fine}");
        }
        for (odd, told) in [
            (serde_json::json!({ "exp": NOW }), "ended 0 s ago"),
            (serde_json::json!({ "exp": NOW - 3_600 }), "ended 3600 s ago"),
            (serde_json::json!({ "exp": 0 }), "ended 20833 days ago"),
            (serde_json::json!({ "nbf": NOW + 31 }), "begins in 31 s"),
            (
                serde_json::json!({ "nbf": NOW, "iat": NOW + 3_600 }),
                "begins in 3600 s",
            ),
        ] {
            assert_eq!(doubted(&odd).as_deref(), Some(told), "{odd}");
        }
    }

    #[test]
    fn what_is_no_whole_token_is_none() {
        let whole = jwt(&serde_json::json!({ "exp": NOW + 60 }));
        let (two, _) = whole.rsplit_once('.').unwrap();
        let half = whole.get(..whole.len() / 2).unwrap();
        for wrong in [
            "secret",
            "a.b",
            "..",
            "a.b.c",
            two,
            half,
            &format!("{two}."),
            &format!("{whole}.x"),
            &format!("{whole}\n{whole}"),
        ] {
            assert!(claims(wrong).is_none(), "{wrong}");
        }
        assert!(claims(&jwt(&serde_json::json!({ "exp": "tomorrow" }))).is_none());
    }

    #[tokio::test]
    async fn a_file_is_named_and_what_it_holds_is_not_shown() {
        let directory = std::env::temp_dir().join(format!("atto-signer-identity-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let file = IdentityTokenFile::named(VARIABLE, directory.join("token"));
        let missing = file.token().await.unwrap_err();
        assert_eq!(missing.cause, Cause::Credentials);
        assert!(
            missing.text().contains("No such file") && missing.text().contains(VARIABLE),
            "{missing}"
        );
        let token = jwt(&serde_json::json!({ "exp": 99_999_999_999_u64 }));
        std::fs::write(file.path(), format!("  {token}\n")).unwrap();
        let read = file.token().await.unwrap();
        assert_eq!(read.as_str(), token);
        assert_eq!(format!("{read:?}"), "IdentityToken(hidden)");
        let fault = Fault::new(Cause::Credentials, "refused");
        assert_eq!(read.explain(fault.clone()), fault);
        // The service may have another clock, so it is called.
        std::fs::write(file.path(), jwt(&serde_json::json!({ "exp": NOW - 1_000_000_000 }))).unwrap();
        let told = file.token().await.unwrap().explain(fault);
        assert!(
            told.text().starts_with("refused (the token in /")
                && told.text().contains(" days ago by the clock of this host"),
            "{told}"
        );
        std::fs::write(file.path(), "secret").unwrap();
        let wrong = file.token().await.unwrap_err();
        assert!(
            wrong.text().contains("no JWT") && !wrong.text().contains("secret"),
            "{wrong}"
        );
        std::fs::remove_dir_all(&directory).unwrap();
    }
}
