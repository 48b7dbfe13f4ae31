//! Resources and log level of the process.

use crate::{
    settings::{ConfigError, Setting, excerpt, text},
    telemetry::Level,
};

const DEFAULT_THREADS: usize = 2;
const MAX_THREADS: usize = 64;

pub fn threads(value: Setting<'_>) -> Result<usize, ConfigError> {
    const VARIABLE: &str = "ATTO_SIGNER_THREADS";
    const EXPECTED: &str = "a whole number from 1 to 64";
    let Some(text) = text(VARIABLE, value, EXPECTED)? else {
        return Ok(DEFAULT_THREADS);
    };
    let threads = text.parse().ok().filter(|threads| (1..=MAX_THREADS).contains(threads));
    threads.ok_or_else(|| ConfigError::new(VARIABLE, excerpt(text), EXPECTED))
}

pub fn log_level(value: Setting<'_>) -> Result<Level, ConfigError> {
    const VARIABLE: &str = "ATTO_SIGNER_LOG";
    let Some(text) = text(VARIABLE, value, Level::NAMES)? else {
        return Ok(Level::default());
    };
    text.parse()
        .map_err(|()| ConfigError::new(VARIABLE, excerpt(text), Level::NAMES))
}
