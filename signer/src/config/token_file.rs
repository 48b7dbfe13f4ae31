//! Tokens in a file that may change while the signer runs.

use std::{ffi::OsString, fs::File, io::Read, path::PathBuf, time::Duration};

use tokio::time::{MissedTickBehavior, interval};
use zeroize::Zeroizing;

use super::parse::{SHORT_TOKEN, in_header};
use crate::{
    one_line::one_line,
    settings::ConfigError,
    token::{Digests, Token},
};

const VARIABLE: &str = "ATTO_SIGNER_TOKEN_FILE";
const EXPECTED: &str = "a readable file with a token of at least 16 ASCII characters on each line, 64 KiB at most";
const ROOM: usize = 64 * 1024 + 1;
const MAX_LENGTH: u64 = ROOM as u64 - 1;
/// How often the file is read. A file may be replaced without a new timestamp, so its content is compared.
const PERIOD: Duration = Duration::from_secs(2);

/// A file with one token per line.
#[derive(Clone, Debug)]
pub struct TokenFile(PathBuf);

impl TokenFile {
    pub fn new(path: &OsString) -> Self {
        Self(path.into())
    }

    /// The tokens that are in the file now.
    pub fn read(&self) -> Result<Token, ConfigError> {
        let text = self.text()?;
        Ok(Token::any_of(tokens(&text).map_err(|found| self.wrong(found))?))
    }

    /// Accepts the tokens that are in the file now as well. An invalid file changes nothing: [`TokenFile::follow`] reports it.
    pub fn add_to(&self, token: &Token) {
        if let Ok(digests) = self.digests() {
            take_over(&digests, None, token);
        }
    }

    /// Follows changes of the file: new tokens apply at once, and removed ones after two equal readings in a row, because one
    /// reading may happen while the file is being written. An invalid file changes nothing, and is reported once.
    pub async fn follow(self, token: Token) {
        let mut ticks = interval(PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut told, mut last) = (None, None);
        loop {
            ticks.tick().await;
            let file = self.clone();
            let reading = tokio::task::spawn_blocking(move || file.digests()).await;
            match reading {
                Ok(Ok(digests)) => {
                    take_over(&digests, last.as_ref(), &token);
                    (told, last) = (None, Some(digests));
                }
                Ok(Err(error)) => {
                    if told.as_ref() != Some(&error) {
                        tracing::warn!("{error}; the tokens that were read last stay valid");
                        told = Some(error);
                    }
                    last = None;
                }
                Err(_) => last = None,
            }
        }
    }

    fn digests(&self) -> Result<Digests, ConfigError> {
        let text = self.text()?;
        Ok(Digests::of(tokens(&text).map_err(|found| self.wrong(found))?))
    }

    fn text(&self) -> Result<Zeroizing<String>, ConfigError> {
        // Allocated at maximum length, because growing would leave copies behind that are not wiped.
        let mut text = Zeroizing::new(String::with_capacity(ROOM));
        // Reads one byte more than allowed, to detect a longer file, whose last token would be incomplete.
        let read = File::open(&self.0).and_then(|file| file.take(ROOM as u64).read_to_string(&mut text));
        let length = read.map_err(|error| self.wrong(&error.to_string()))?;
        if length as u64 > MAX_LENGTH {
            return Err(self.wrong("more than 64 KiB"));
        }
        Ok(text)
    }

    fn wrong(&self, found: &str) -> ConfigError {
        let file = one_line(&self.0.to_string_lossy());
        ConfigError::new(VARIABLE, format!("{found} in {file}"), EXPECTED)
    }
}

/// Combines two consecutive readings into the accepted tokens.
fn take_over(digests: &Digests, last: Option<&Digests>, token: &Token) {
    let changes = if last == Some(digests) {
        token.set(digests)
    } else {
        token.add(digests)
    };
    if changes {
        tracing::info!(
            "{VARIABLE}: the file has changed; tokens accepted now: {}",
            token.count()
        );
    }
}

/// The tokens in the text of a file, or the error, without any of the text.
pub fn tokens(text: &str) -> Result<Vec<&str>, &'static str> {
    let tokens: Vec<&str> = text
        .lines()
        .map(str::trim_ascii)
        .filter(|line| !line.is_empty())
        .collect();
    if tokens.is_empty() {
        return Err("no token");
    }
    if tokens.iter().any(|token| token.len() < SHORT_TOKEN) {
        return Err("a token of fewer than 16 characters");
    }
    for token in &tokens {
        in_header(token)?;
    }
    Ok(tokens)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &str = "first-token-of-all";
    const SECOND: &str = "second-token-of-all";

    fn carries(token: &Token, value: &'static str) -> bool {
        let mut headers = http::HeaderMap::new();
        headers.insert("authorization", http::HeaderValue::from_static(value));
        token.is_carried_by(&headers)
    }

    #[test]
    fn every_line_is_a_token_and_a_broken_file_is_none() {
        let (one, two) = ("a".repeat(16), "b".repeat(32));
        let text = format!("{one}\r\n\n  {two}  \n");
        assert_eq!(tokens(&text), Ok(vec![one.as_str(), two.as_str()]));
        for wrong in [
            "",
            "\n \n",
            "short",
            &format!("{one}\nshort"),
            &format!("{one}\u{1}"),
            &format!("{one}é"),
        ] {
            assert!(tokens(wrong).is_err(), "{wrong:?}");
        }
        let file = TokenFile::new(&"to\nkens".into());
        let error = file.wrong("no token").to_string();
        assert!(
            error.starts_with("ATTO_SIGNER_TOKEN_FILE: found no token in to kens, expected "),
            "{error}"
        );
    }

    #[test]
    fn a_token_counts_at_once_and_goes_when_two_readings_agree() {
        let (both, second) = (Digests::of([FIRST, SECOND]), Digests::of([SECOND]));
        let token = Token::new(FIRST);
        take_over(&both, None, &token);
        assert!(carries(&token, FIRST) && carries(&token, SECOND));
        // An incompletely written file, followed by the complete one.
        take_over(&second, Some(&both), &token);
        take_over(&both, Some(&second), &token);
        assert!(carries(&token, FIRST) && carries(&token, SECOND));
        take_over(&second, Some(&both), &token);
        assert!(carries(&token, FIRST), "only one reading says so");
        take_over(&second, Some(&second), &token);
        assert!(!carries(&token, FIRST) && carries(&token, SECOND));
    }

    #[tokio::test(start_paused = true)]
    async fn one_reading_of_a_half_written_file_refuses_nobody() {
        let path = std::env::temp_dir().join(format!("atto-signer-half-{}", std::process::id()));
        std::fs::write(&path, format!("{FIRST}\n{SECOND}\n")).unwrap();
        let token = Token::new(FIRST);
        let following = tokio::spawn(TokenFile::new(&path.clone().into()).follow(token.clone()));
        tokio::time::sleep(PERIOD / 2).await;
        assert!(carries(&token, SECOND));
        std::fs::write(&path, SECOND).unwrap();
        tokio::time::sleep(PERIOD).await;
        assert!(carries(&token, FIRST), "it was read once");
        tokio::time::sleep(PERIOD).await;
        assert!(!carries(&token, FIRST) && carries(&token, SECOND));
        following.abort();
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn a_file_that_is_no_good_is_not_read() {
        let path = std::env::temp_dir().join(format!("atto-signer-tokens-{}", std::process::id()));
        let file = TokenFile::new(&path.clone().into_os_string());
        std::fs::write(&path, format!("{FIRST}\n")).unwrap();
        let token = file.read().unwrap();
        assert!(carries(&token, FIRST));
        std::fs::write(&path, format!("{SECOND}\n{FIRST}")).unwrap();
        assert_eq!(file.digests(), Ok(Digests::of([FIRST, SECOND])));
        let long = format!("{FIRST}\n").repeat(4_000);
        for broken in ["", "second", &long] {
            std::fs::write(&path, broken).unwrap();
            assert!(file.digests().is_err());
        }
        std::fs::remove_file(&path).unwrap();
        assert!(file.digests().is_err());
    }
}
