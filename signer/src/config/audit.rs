//! The content and destination of the audit trail.

use crate::{
    settings::{ConfigError, Setting, excerpt, text},
    telemetry::{AuditConfig, AuditMode},
};

/// Checks the mode and the file.
pub fn audit(mode: Setting<'_>, file: Setting<'_>) -> Result<AuditConfig, ConfigError> {
    const VARIABLE: &str = "ATTO_SIGNER_AUDIT";
    const FILE_VARIABLE: &str = "ATTO_SIGNER_AUDIT_FILE";
    let mode = match text(VARIABLE, mode, AuditMode::NAMES)? {
        None => AuditMode::default(),
        Some(name) => name
            .parse()
            .map_err(|()| ConfigError::new(VARIABLE, excerpt(name), AuditMode::NAMES))?,
    };
    let Some(file) = file else {
        return Ok(AuditConfig { mode, file: None });
    };
    if file.is_empty() {
        let expected = "a file that can be appended to, or the variable not set at all: the standard output stream";
        return Err(ConfigError::new(FILE_VARIABLE, "an empty value", expected));
    }
    if mode == AuditMode::Off {
        let expected = "none: nothing is written; unset one of the two";
        return Err(ConfigError::new(
            FILE_VARIABLE,
            "a file, with ATTO_SIGNER_AUDIT=off",
            expected,
        ));
    }
    Ok(AuditConfig {
        mode,
        file: Some(file.into()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decisions_go_to_the_standard_output_stream_unless_told_otherwise() {
        let read = |mode: Option<&str>, file: Option<&str>| {
            let (mode, file) = (mode.map(Into::into), file.map(Into::into));
            audit(mode.as_ref(), file.as_ref()).map_err(|error| error.to_string())
        };
        assert_eq!(read(None, None), Ok(AuditConfig::default()));
        let all = read(Some(" ALL\n"), Some("trail")).unwrap();
        assert_eq!((all.mode, all.file), (AuditMode::All, Some("trail".into())));
        for (mode, file, told) in [
            (
                Some("some"),
                None,
                "ATTO_SIGNER_AUDIT: found some, expected decisions, all or off",
            ),
            (
                Some("off"),
                Some("trail"),
                "ATTO_SIGNER_AUDIT_FILE: found a file, with ATTO_SIGNER_AUDIT=off",
            ),
            (None, Some(""), "ATTO_SIGNER_AUDIT_FILE: found an empty value"),
        ] {
            let error = read(mode, file).unwrap_err();
            assert!(error.starts_with(told), "{error}");
        }
    }
}
