//! Times with a unit.

use std::{ops::RangeInclusive, time::Duration};

use crate::settings::{ConfigError, Setting, excerpt, text};

const DEFAULT_DEADLINE: Duration = Duration::from_millis(900);
const DEFAULT_STARTUP_TIMEOUT: Duration = Duration::from_mins(10);

/// A time within these limits, such as `900ms`, `10s`, `5m` or `1h`.
pub fn duration(
    variable: &'static str,
    value: Setting<'_>,
    default: Duration,
    limits: RangeInclusive<Duration>,
    expected: &'static str,
) -> Result<Duration, ConfigError> {
    let Some(text) = text(variable, value, expected)? else {
        return Ok(default);
    };
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let unit = match unit {
        "ms" => Some(1),
        "s" => Some(1000),
        "m" => Some(60_000),
        "h" => Some(3_600_000),
        _ => None,
    };
    let milliseconds = number.parse::<u64>().ok().zip(unit);
    let duration = milliseconds
        .and_then(|(number, unit)| number.checked_mul(unit))
        .map(Duration::from_millis)
        .filter(|duration| limits.contains(duration));
    duration.ok_or_else(|| ConfigError::new(variable, excerpt(text), expected))
}

pub fn deadline(value: Setting<'_>) -> Result<Duration, ConfigError> {
    const EXPECTED: &str = "a time from 50ms to 30s, such as 900ms; the node gives up after 1 s";
    let limits = Duration::from_millis(50)..=Duration::from_secs(30);
    duration("ATTO_SIGNER_DEADLINE", value, DEFAULT_DEADLINE, limits, EXPECTED)
}

pub fn startup_timeout(value: Setting<'_>) -> Result<Duration, ConfigError> {
    const EXPECTED: &str = "a time from 0s to 24h, such as 10m";
    let limits = Duration::ZERO..=Duration::from_hours(24);
    duration(
        "ATTO_SIGNER_STARTUP_TIMEOUT",
        value,
        DEFAULT_STARTUP_TIMEOUT,
        limits,
        EXPECTED,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_unit_and_limits() {
        let limits = Duration::from_millis(100)..=Duration::from_hours(1);
        let read = |text: &str| duration("X", Some(&text.into()), Duration::ZERO, limits.clone(), "a time").ok();
        assert_eq!(read("900ms"), Some(Duration::from_millis(900)));
        assert_eq!(read("10s"), Some(Duration::from_secs(10)));
        assert_eq!(read("10m"), Some(Duration::from_mins(10)));
        for wrong in ["900", "-1s", "1.5s", "99ms", "2h", "s", "18446744073709551615h", "1 s"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
