//! One function per setting.

use std::{ffi::OsString, fs::File, io::Read, path::Path};

use data_encoding::HEXUPPER_PERMISSIVE;
use zeroize::Zeroizing;

use super::{ConfigError, Setting};
use crate::{
    backend::{InvalidSeed, Seed},
    http::Token,
    net::Place,
    policy::Capabilities,
    protocol::{Address, Kind, PublicKey},
    telemetry::Level,
};

const DEFAULT_THREADS: usize = 2;
const MAX_THREADS: usize = 64;
/// Below this, a token is warned about.
const SHORT_TOKEN: usize = 16;
/// How much of a value that is no secret a message shows.
const MAX_EXCERPT: usize = 60;
const KEY_EXPECTED: &str = "a private key of 64 hexadecimal digits (`signer key generate` makes one)";

/// The value without the blanks and line ends around it, if there is one.
fn text<'a>(
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

fn excerpt(text: &str) -> String {
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

pub fn backend(value: Setting<'_>) -> Result<(), ConfigError> {
    const VARIABLE: &str = "ATTO_SIGNER_BACKEND";
    const EXPECTED: &str = "LOCAL";
    let Some(text) = text(VARIABLE, value, EXPECTED)? else {
        return Err(ConfigError::new(VARIABLE, "nothing", EXPECTED));
    };
    match text.to_ascii_uppercase().as_str() {
        "LOCAL" => Ok(()),
        "GCP" => Err(ConfigError::new(
            VARIABLE,
            "GCP",
            concat!(
                "LOCAL: version ",
                env!("CARGO_PKG_VERSION"),
                " does not have the backend GCP yet"
            ),
        )),
        "REMOTE" => Err(ConfigError::new(
            VARIABLE,
            "REMOTE, which is the node's setting",
            "LOCAL: the signer is what the node's REMOTE points at",
        )),
        _ => Err(ConfigError::new(VARIABLE, excerpt(text), EXPECTED)),
    }
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
