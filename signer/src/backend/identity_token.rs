//! The token that Kubernetes gives to the signer alone: a projected ServiceAccount token in a file, which the kubelet replaces
//! before it ends. Key services take it as proof of who asks.

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

/// Names the file, in messages.
const VARIABLE: &str = "ATTO_SIGNER_IDENTITY_TOKEN_FILE";
/// Its name on a command line.
const ARGUMENT: &str = "identity_token_file";
/// Where the operator mounts it.
const DEFAULT: &str = "/var/run/secrets/signer.atto.cash/identity/token";
/// By how much the clock of who made the token may be before ours.
const SKEW: Duration = Duration::from_secs(30);
/// How much of the path a message shows.
const SHOWN: usize = 120;

/// Where the token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityTokenFile {
    variable: &'static str,
    path: PathBuf,
}

/// What the file holds: a JWT that is good now, as far as it says itself. Wiped when dropped.
pub struct IdentityToken(Zeroizing<String>);

/// Of all that a token says, when it is good. Seconds since 1970.
#[derive(Deserialize)]
struct Claims {
    exp: Option<f64>,
    nbf: Option<f64>,
    iat: Option<f64>,
}

impl IdentityTokenFile {
    /// The file that is set, or the one that the operator mounts.
    ///
    /// # Errors
    /// The setting is empty, or no UTF-8.
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

    /// Whether somebody set the file.
    pub fn is_set(matches: &ArgMatches) -> bool {
        matches!(matches.try_contains_id(ARGUMENT), Ok(true))
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The token in it now. The caller keeps it no longer than one login takes: the kubelet replaces it.
    ///
    /// # Errors
    /// With [`Cause::Credentials`]: what the file is or holds instead, and what to do. Nothing of what it holds.
    pub async fn token(&self) -> Result<IdentityToken, Fault> {
        let file = self.clone();
        let reading = tokio::task::spawn_blocking(move || file.read(SystemTime::now()));
        reading
            .await
            .unwrap_or_else(|_| Err(self.wrong("what could not be read")))
    }

    fn read(&self, now: SystemTime) -> Result<IdentityToken, Fault> {
        let token = secret_file::read(&self.path).map_err(|found| self.wrong(&found))?;
        check(token.trim_ascii(), now).map_err(|found| self.wrong(&found))?;
        Ok(IdentityToken(token))
    }

    fn wrong(&self, found: &str) -> Fault {
        let file = cut(&self.path.to_string_lossy(), SHOWN);
        let text = format!(
            "{}: found {found} in {file}, expected a Kubernetes token that is good now, as a projected volume gives it",
            self.variable
        );
        Fault::new(Cause::Credentials, text)
    }
}

impl IdentityToken {
    /// The token itself: a secret.
    pub fn as_str(&self) -> &str {
        self.0.trim_ascii()
    }
}

impl fmt::Debug for IdentityToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("IdentityToken(hidden)")
    }
}

/// Whether the text is a token that is good now; else what it is.
fn check(text: &str, now: SystemTime) -> Result<(), String> {
    const NO_JWT: &str = "no JWT (three parts between dots), or a part of one,";
    let Claims { exp, nbf, iat } = claims(text).ok_or(NO_JWT)?;
    let now = now
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs_f64();
    if let Some(exp) = exp.filter(|exp| *exp <= now) {
        return Err(format!(
            "a token that ended {} ago by the clock of this machine (compare it: date -u)",
            duration(now - exp)
        ));
    }
    let begin = nbf.into_iter().chain(iat).fold(0.0, f64::max);
    if begin > now + SKEW.as_secs_f64() {
        return Err(format!(
            "a token that begins in {} by the clock of this machine (compare it: date -u)",
            duration(begin - now)
        ));
    }
    Ok(())
}

/// What a JWT says of itself; that it is true, only the key service can find out.
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

/// Whole seconds, or days where they are many.
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

    fn checked(text: &str) -> Result<(), String> {
        check(text, SystemTime::UNIX_EPOCH + Duration::from_secs(NOW))
    }

    #[test]
    fn a_token_is_good_between_its_begin_and_its_end() {
        let good = |claims| checked(&jwt(&claims));
        for fine in [
            serde_json::json!({ "exp": NOW + 1, "nbf": NOW, "iat": NOW }),
            serde_json::json!({ "exp": NOW + 1, "iat": NOW + 30 }),
            serde_json::json!({ "exp": 1_800_000_000.5 }),
            serde_json::json!({}),
        ] {
            assert_eq!(good(fine.clone()), Ok(()), "{fine}");
        }
        for (wrong, told) in [
            (serde_json::json!({ "exp": NOW }), "a token that ended 0 s ago"),
            (
                serde_json::json!({ "exp": NOW - 3_600 }),
                "a token that ended 3600 s ago",
            ),
            (serde_json::json!({ "exp": 0 }), "a token that ended 20833 days ago"),
            (serde_json::json!({ "nbf": NOW + 31 }), "a token that begins in 31 s"),
            (
                serde_json::json!({ "nbf": NOW, "iat": NOW + 3_600 }),
                "a token that begins in 3600 s",
            ),
        ] {
            let found = good(wrong.clone()).unwrap_err();
            assert!(found.starts_with(told) && found.contains("date -u"), "{wrong}: {found}");
        }
    }

    #[test]
    fn what_is_no_whole_token_is_told_and_not_shown() {
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
            let found = checked(wrong).unwrap_err();
            assert!(
                found.starts_with("no JWT") && !found.contains("secret"),
                "{wrong}: {found}"
            );
        }
        let odd = jwt(&serde_json::json!({ "exp": "tomorrow" }));
        assert!(checked(&odd).unwrap_err().starts_with("no JWT"));
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
        std::fs::write(file.path(), "secret").unwrap();
        let wrong = file.token().await.unwrap_err();
        assert!(
            wrong.text().contains("no JWT") && !wrong.text().contains("secret"),
            "{wrong}"
        );
        std::fs::remove_dir_all(&directory).unwrap();
    }
}
