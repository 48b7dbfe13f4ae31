//! Tokens in a file, which may change while the signer runs.

use std::{ffi::OsString, fs::File, io::Read, path::PathBuf, time::Duration};

use tokio::time::{MissedTickBehavior, interval};
use zeroize::Zeroizing;

use super::parse::SHORT_TOKEN;
use crate::{settings::ConfigError, token::Token};

const VARIABLE: &str = "ATTO_SIGNER_TOKEN_FILE";
const EXPECTED: &str = "a readable file with a token of at least 16 bytes on each line";
const MAX_LENGTH: u64 = 64 * 1024;
/// A file may be replaced without its time being changed, so its content is what counts.
const PERIOD: Duration = Duration::from_secs(2);

/// Where tokens are, one on each line.
#[derive(Clone, Debug)]
pub struct TokenFile(PathBuf);

impl TokenFile {
    pub fn new(path: &OsString) -> Self {
        Self(path.into())
    }

    /// The tokens in the file now.
    pub fn read(&self) -> Result<Token, ConfigError> {
        let text = self.text()?;
        Ok(Token::any_of(self.tokens(&text)?))
    }

    /// Takes over what the file has from now on. What is no good leaves the tokens as they are, and is told once.
    pub async fn follow(self, token: Token) {
        let mut ticks = interval(PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut told = None;
        loop {
            ticks.tick().await;
            let (file, token) = (self.clone(), token.clone());
            let update = tokio::task::spawn_blocking(move || file.update(&token));
            match update.await {
                Ok(Err(error)) if told.as_ref() != Some(&error) => {
                    tracing::warn!("{error}; the tokens that were read last stay in force");
                    told = Some(error);
                }
                Ok(Ok(())) => told = None,
                Ok(Err(_)) | Err(_) => {}
            }
        }
    }

    fn update(&self, token: &Token) -> Result<(), ConfigError> {
        let text = self.text()?;
        let tokens = self.tokens(&text)?;
        let count = tokens.len();
        if token.set(tokens) {
            tracing::info!("{VARIABLE}: the file has changed; tokens accepted now: {count}");
        }
        Ok(())
    }

    fn text(&self) -> Result<Zeroizing<String>, ConfigError> {
        let mut text = Zeroizing::new(String::with_capacity(1024));
        let read = File::open(&self.0).and_then(|file| file.take(MAX_LENGTH).read_to_string(&mut text));
        read.map_err(|error| self.wrong(&error.to_string()))?;
        Ok(text)
    }

    fn tokens<'a>(&self, text: &'a str) -> Result<Vec<&'a str>, ConfigError> {
        let tokens: Vec<&str> = text
            .lines()
            .map(str::trim_ascii)
            .filter(|line| !line.is_empty())
            .collect();
        if tokens.is_empty() {
            return Err(self.wrong("no token"));
        }
        if tokens.iter().any(|token| token.len() < SHORT_TOKEN) {
            return Err(self.wrong("a token of fewer than 16 bytes"));
        }
        if tokens.iter().any(|token| token.chars().any(char::is_control)) {
            return Err(self.wrong("a control character inside a token"));
        }
        Ok(tokens)
    }

    fn wrong(&self, found: &str) -> ConfigError {
        ConfigError::new(VARIABLE, format!("{found} in {}", self.0.display()), EXPECTED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_a_token_and_a_broken_file_is_none() {
        let file = TokenFile::new(&"tokens".into());
        let (one, two) = ("a".repeat(16), "b".repeat(32));
        let text = format!("{one}\r\n\n  {two}  \n");
        assert_eq!(file.tokens(&text), Ok(vec![one.as_str(), two.as_str()]));
        for wrong in ["", "\n \n", "short", &format!("{one}\nshort"), &format!("{one}\u{1}")] {
            let error = file.tokens(wrong).unwrap_err().to_string();
            assert!(error.contains("in tokens") && !error.contains("aaaa"), "{error}");
        }
    }

    #[test]
    fn a_file_that_is_no_good_leaves_the_tokens_as_they_are() {
        let carries = |token: &Token, value: &'static str| {
            let mut headers = http::HeaderMap::new();
            headers.insert("authorization", http::HeaderValue::from_static(value));
            token.is_carried_by(&headers)
        };
        let path = std::env::temp_dir().join(format!("atto-signer-tokens-{}", std::process::id()));
        let file = TokenFile::new(&path.clone().into_os_string());
        std::fs::write(&path, "first-token-of-all\n").unwrap();
        let token = file.read().unwrap();
        assert!(carries(&token, "first-token-of-all"));
        std::fs::write(&path, "first-token-of-all\nsecond-token-of-all\n").unwrap();
        assert_eq!(file.update(&token), Ok(()));
        assert!(carries(&token, "first-token-of-all") && carries(&token, "second-token-of-all"));
        for broken in ["", "second"] {
            std::fs::write(&path, broken).unwrap();
            assert!(file.update(&token).is_err());
        }
        std::fs::remove_file(&path).unwrap();
        assert!(file.update(&token).is_err());
        assert!(carries(&token, "second-token-of-all"));
    }
}
