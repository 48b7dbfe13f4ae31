//! Where ports listen.

use crate::{
    net::Place,
    settings::{ConfigError, Setting, excerpt, text},
};

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
        "{}, which Kubernetes sets in every pod of a namespace with a Service called {service}",
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
