//! One function per setting.

use std::{ffi::OsString, fs::File, io::Read, ops::RangeInclusive, path::Path, time::Duration};

use data_encoding::HEXUPPER_PERMISSIVE;
use zeroize::Zeroizing;

use super::{ConfigError, Setting};
use crate::{
    backend::{Endpoint, InvalidSeed, Seed},
    http::Token,
    net::Place,
    policy::Capabilities,
    protocol::{Address, Kind, PublicKey},
    telemetry::Level,
};

const DEFAULT_DEADLINE: Duration = Duration::from_millis(900);
const DEFAULT_STARTUP_TIMEOUT: Duration = Duration::from_mins(10);
const DEFAULT_THREADS: usize = 2;
const MAX_THREADS: usize = 64;
/// Below this, a token is warned about.
pub const SHORT_TOKEN: usize = 16;
/// How much of a value that is no secret a message shows.
const MAX_EXCERPT: usize = 60;
const KEY_EXPECTED: &str = "a private key of 64 hexadecimal digits (`signer key generate` makes one)";

/// The value without the blanks and line ends around it, if there is one.
pub fn text<'a>(
    variable: &'static str,
    value: Setting<'a>,
    expected: &'static str,
) -> Result<Option<&'a str>, ConfigError> {
    let Some(value) = value else { return Ok(None) };
    let text = value
        .to_str()
        .ok_or_else(|| ConfigError::new(variable, "a value that is not UTF-8", expected))?
        .trim_ascii();
    if text.is_empty() {
        return Err(ConfigError::new(
            variable,
            "an empty value",
            format!("{expected}, or the variable not set at all"),
        ));
    }
    Ok(Some(text))
}

pub fn excerpt(text: &str) -> String {
    let mut excerpt: String = text.escape_debug().take(MAX_EXCERPT).collect();
    if text.escape_debug().nth(MAX_EXCERPT).is_some() {
        excerpt.push('…');
    }
    excerpt
}

fn service_link(variable: &'static str, text: &str) -> Option<ConfigError> {
    let port = text
        .rsplit(':')
        .next()
        .filter(|port| text.starts_with("tcp://") && port.parse::<u16>().is_ok())?;
    let service = variable
        .trim_end_matches("_PORT")
        .to_ascii_lowercase()
        .replace('_', "-");
    let found = format!(
        "{}, which Kubernetes sets in every pod of a namespace that has a Service called {service}",
        excerpt(text)
    );
    let expected = format!(
        "a port number; set {variable} in the container's `env` (for example to {port}), \
         or `enableServiceLinks: false` in the pod's `spec`"
    );
    Some(ConfigError::new(variable, found, expected))
}

pub fn port(variable: &'static str, value: Setting<'_>, default: u16) -> Result<u16, ConfigError> {
    const EXPECTED: &str = "a port number from 1 to 65535";
    let Some(text) = text(variable, value, EXPECTED)? else {
        return Ok(default);
    };
    if let Some(error) = service_link(variable, text) {
        return Err(error);
    }
    let port = text.parse().ok().filter(|port| *port != 0 && !text.starts_with('+'));
    port.ok_or_else(|| ConfigError::new(variable, excerpt(text), EXPECTED))
}

pub fn place(variable: &'static str, value: Setting<'_>) -> Result<Option<Place>, ConfigError> {
    const EXPECTED: &str = "`localhost` or an IP address without a port";
    let Some(text) = text(variable, value, EXPECTED)? else {
        return Ok(None);
    };
    text.parse()
        .map(Some)
        .map_err(|()| ConfigError::new(variable, excerpt(text), EXPECTED))
}

/// Where keys can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackendName {
    Gcp,
    Local,
}

pub fn backend(value: Setting<'_>) -> Result<BackendName, ConfigError> {
    const VARIABLE: &str = "ATTO_SIGNER_BACKEND";
    const EXPECTED: &str = "GCP or LOCAL";
    let Some(text) = text(VARIABLE, value, EXPECTED)? else {
        return Err(ConfigError::new(VARIABLE, "nothing", EXPECTED));
    };
    match text.to_ascii_uppercase().as_str() {
        "LOCAL" => Ok(BackendName::Local),
        "GCP" => Ok(BackendName::Gcp),
        "REMOTE" => Err(ConfigError::new(
            VARIABLE,
            "REMOTE, which is the node's setting",
            "GCP or LOCAL: the signer is what the node's REMOTE points at",
        )),
        _ => Err(ConfigError::new(VARIABLE, excerpt(text), EXPECTED)),
    }
}

pub fn key_version(value: Setting<'_>) -> Result<String, ConfigError> {
    const VARIABLE: &str = "ATTO_SIGNER_KEY";
    const EXPECTED: &str = "with ATTO_SIGNER_BACKEND=GCP the name of a key version, \
        projects/PROJECT/locations/LOCATION/keyRings/RING/cryptoKeys/KEY/cryptoKeyVersions/VERSION";
    const COLLECTIONS: [&str; 5] = ["projects", "locations", "keyRings", "cryptoKeys", "cryptoKeyVersions"];
    let Some(text) = text(VARIABLE, value, EXPECTED)? else {
        return Err(ConfigError::new(VARIABLE, "nothing", EXPECTED));
    };
    let parts: Vec<&str> = text.split('/').collect();
    let is_name = |name: &&str| {
        let fits = |character: char| character.is_ascii_alphanumeric() || "-_.:".contains(character);
        !name.is_empty() && name.chars().all(fits)
    };
    let is_right = parts.len() == 2 * COLLECTIONS.len()
        && parts.iter().step_by(2).eq(COLLECTIONS.iter())
        && parts.iter().skip(1).step_by(2).all(is_name);
    if is_right {
        return Ok(text.to_owned());
    }
    // Anything else might be a private key that was meant for LOCAL.
    let found = if text.starts_with("projects/") {
        excerpt(text)
    } else {
        "something else, which is not shown here as it may be a secret".to_owned()
    };
    Err(ConfigError::new(VARIABLE, found, EXPECTED))
}

pub fn gcp_endpoint(value: Setting<'_>) -> Result<Option<Endpoint>, ConfigError> {
    const VARIABLE: &str = "ATTO_SIGNER_GCP_ENDPOINT";
    const EXPECTED: &str = "a URL that starts with https://, or with http:// and a loopback address (for tests)";
    let Some(text) = text(VARIABLE, value, EXPECTED)? else {
        return Ok(None);
    };
    let wrong = || ConfigError::new(VARIABLE, excerpt(text), EXPECTED);
    let uri: http::Uri = text.parse().map_err(|_| wrong())?;
    let host = uri.host().ok_or_else(wrong)?.trim_matches(['[', ']']);
    let is_loopback = host.eq_ignore_ascii_case("localhost")
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback());
    let is_anonymous = match uri.scheme_str() {
        Some("https") => false,
        Some("http") if is_loopback => true,
        _ => return Err(wrong()),
    };
    Ok(Some(Endpoint {
        url: text.trim_end_matches('/').to_owned(),
        is_anonymous,
    }))
}

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

pub fn seed(value: Setting<'_>) -> Result<Seed, ConfigError> {
    const VARIABLE: &str = "ATTO_SIGNER_KEY";
    let Some(text) = text(VARIABLE, value, KEY_EXPECTED)? else {
        return Err(ConfigError::new(
            VARIABLE,
            "nothing",
            format!("{KEY_EXPECTED}, or a file with one in ATTO_SIGNER_KEY_FILE"),
        ));
    };
    if text.starts_with("projects/") {
        return Err(ConfigError::new(
            VARIABLE,
            "the name of a Google Cloud key version",
            format!("with ATTO_SIGNER_BACKEND=LOCAL {KEY_EXPECTED}"),
        ));
    }
    text.parse()
        .map_err(|error: InvalidSeed| ConfigError::new(VARIABLE, error.to_string(), KEY_EXPECTED))
}

pub fn seed_file(file: &OsString) -> Result<Seed, ConfigError> {
    const VARIABLE: &str = "ATTO_SIGNER_KEY_FILE";
    const EXPECTED: &str = "a readable file with a private key of 64 hexadecimal digits";
    const MAX_LENGTH: u64 = 1024;
    let path = Path::new(file);
    let name = excerpt(&path.to_string_lossy());
    let mut text = Zeroizing::new(String::with_capacity(1024));
    let read = File::open(path).and_then(|file| file.take(MAX_LENGTH).read_to_string(&mut text));
    read.map_err(|error| ConfigError::new(VARIABLE, format!("{name} ({error})"), EXPECTED))?;
    text.trim()
        .parse()
        .map_err(|error: InvalidSeed| ConfigError::new(VARIABLE, format!("{error} in {name}"), EXPECTED))
}

pub fn token(value: Setting<'_>, warnings: &mut Vec<String>) -> Result<Token, ConfigError> {
    const VARIABLE: &str = "ATTO_SIGNER_TOKEN";
    const EXPECTED: &str =
        "the token that the node has in ATTO_SIGNER_REMOTE_TOKEN (`signer token generate` makes one)";
    let Some(trimmed) = text(VARIABLE, value, EXPECTED)? else {
        return Err(ConfigError::new(VARIABLE, "nothing", EXPECTED));
    };
    if trimmed.chars().any(char::is_control) {
        return Err(ConfigError::new(
            VARIABLE,
            "a line end or another control character inside the token",
            "a token that fits into an HTTP header",
        ));
    }
    if value.is_some_and(|value| value.len() != trimmed.len()) {
        // An HTTP header cannot carry them, so no client could send the token as it stands.
        warnings.push(format!(
            "{VARIABLE}: the blanks or line ends around the token are left out; write the Secret without them"
        ));
    }
    if trimmed.len() < SHORT_TOKEN {
        warnings.push(format!("{VARIABLE}: the token has fewer than {SHORT_TOKEN} bytes and can be guessed; `signer token generate` makes a better one"));
    }
    Ok(Token::new(trimmed))
}

pub fn capabilities(value: Setting<'_>) -> Result<Capabilities, ConfigError> {
    const VARIABLE: &str = "ATTO_SIGNER_CAPABILITIES";
    const EXPECTED: &str = "some of BLOCK, CHALLENGE, VOTE, separated by commas; a voter has CHALLENGE,VOTE";
    let Some(text) = text(VARIABLE, value, EXPECTED)? else {
        return Err(ConfigError::new(VARIABLE, "nothing", EXPECTED));
    };
    text.split(',')
        .map(str::trim)
        .try_fold(Capabilities::default(), |capabilities, name| {
            let kind = Kind::ALL
                .into_iter()
                .find(|kind| kind.name().eq_ignore_ascii_case(name));
            kind.map(|kind| capabilities.with(kind)).ok_or_else(|| {
                let found = if name.is_empty() {
                    "an empty name".to_owned()
                } else {
                    excerpt(name)
                };
                ConfigError::new(VARIABLE, found, EXPECTED)
            })
        })
}

pub fn public_key(value: Setting<'_>) -> Result<Option<PublicKey>, ConfigError> {
    const VARIABLE: &str = "ATTO_SIGNER_EXPECTED_PUBLIC_KEY";
    const EXPECTED: &str = "64 hexadecimal digits or an address (atto://…)";
    let Some(text) = text(VARIABLE, value, EXPECTED)? else {
        return Ok(None);
    };
    if text.starts_with("atto://") {
        let address = text
            .parse::<Address>()
            .map_err(|error| ConfigError::new(VARIABLE, format!("{}, but {error}", excerpt(text)), EXPECTED))?;
        return Ok(Some(address.0));
    }
    let bytes = HEXUPPER_PERMISSIVE
        .decode(text.as_bytes())
        .ok()
        .and_then(|bytes| bytes.try_into().ok());
    let key = bytes.map(PublicKey).ok_or_else(|| {
        let found = format!("{} ({} characters)", excerpt(text), text.chars().count());
        ConfigError::new(VARIABLE, found, EXPECTED)
    })?;
    Ok(Some(key))
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

#[cfg(test)]
mod tests {
    use super::*;

    const VERSION: &str = "projects/p-1/locations/global/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1";

    #[test]
    fn the_name_of_a_key_version_is_whole() {
        let read = |text: &str| key_version(Some(&text.into()));
        assert_eq!(read(&format!(" {VERSION}\n")).as_deref(), Ok(VERSION));
        for wrong in [
            "projects/p-1/locations/global/keyRings/r/cryptoKeys/k",
            "projects/p-1/locations/global/keyRings/r/cryptoKeys/k/cryptoKeyVersions/",
            "projects/p 1/locations/global/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1",
            "projects/p/locations/l/keyRings/r/keys/k/cryptoKeyVersions/1",
        ] {
            assert!(read(wrong).unwrap_err().to_string().contains(&wrong[..20]), "{wrong}");
        }
        let secret = "ab".repeat(32);
        assert!(!read(&secret).unwrap_err().to_string().contains("abab"));
    }

    #[test]
    fn only_plain_http_on_this_machine_is_anonymous_and_elsewhere_it_is_refused() {
        let read = |text: &str| gcp_endpoint(Some(&text.into())).ok().flatten();
        for local in ["http://127.0.0.1:1234", "http://localhost:1", "http://[::1]:80/"] {
            assert_eq!(read(local).map(|endpoint| endpoint.is_anonymous), Some(true), "{local}");
        }
        for elsewhere in ["https://cloudkms.example.com", "https://localhost:1"] {
            assert_eq!(
                read(elsewhere).map(|endpoint| endpoint.is_anonymous),
                Some(false),
                "{elsewhere}"
            );
        }
        for wrong in [
            "http://10.0.0.1",
            "http://localhost.example.com",
            "localhost:1",
            "ftp://x",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

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
