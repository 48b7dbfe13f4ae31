use std::{path::PathBuf, str::FromStr};

/// The audit trail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AuditMode {
    /// Every block, challenge, refusal and failure. Signed votes are one line a minute.
    #[default]
    Decisions,
    /// Everything.
    All,
    /// Nothing.
    Off,
}

impl AuditMode {
    /// The values for [`AuditMode::from_str`].
    pub const NAMES: &'static str = "decisions, all or off";
}

impl FromStr for AuditMode {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text.to_ascii_lowercase().as_str() {
            "decisions" => Ok(Self::Decisions),
            "all" => Ok(Self::All),
            "off" => Ok(Self::Off),
            _ => Err(()),
        }
    }
}

/// The content and destination of the audit trail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditConfig {
    /// The content.
    pub mode: AuditMode,
    /// Replaces the standard output stream.
    pub file: Option<PathBuf>,
}
