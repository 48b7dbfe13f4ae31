use std::{
    fmt::{self, Write},
    io,
    panic::PanicHookInfo,
    str::FromStr,
};

use tracing::{field::Field, level_filters::LevelFilter};
use tracing_subscriber::{
    Layer,
    field::MakeExt,
    filter::Targets,
    fmt::format::{Writer, debug_fn},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

use crate::{backend::VENDORS, caught::message, one_line::is_shown};

/// The log level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level(LevelFilter);

impl Default for Level {
    fn default() -> Self {
        Self(LevelFilter::INFO)
    }
}

impl Level {
    /// The values for [`Level::from_str`].
    pub const NAMES: &'static str = "off, error, warn, info, debug or trace";
}

impl FromStr for Level {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        text.parse().map(Self).map_err(|_| ())
    }
}

/// Target prefix of libraries that log answers with credentials, and the highest level that is logged for them. The SDK of AWS
/// does so below this level.
const TALKATIVE: (&str, LevelFilter) = ("aws_", LevelFilter::WARN);

/// Logs lines of this level and above to the standard error stream, one line each.
pub fn init(level: Level) {
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(false)
        .with_target(false)
        .fmt_fields(debug_fn(field).delimited(" "));
    let lines = lines.with_filter(targets(level));
    tracing_subscriber::registry().with(lines).init();
    std::panic::set_hook(Box::new(|panic| tracing::error!("{}", tell(panic))));
}

fn targets(level: Level) -> Targets {
    let (libraries, most) = TALKATIVE;
    Targets::new()
        .with_default(level.0)
        .with_target(libraries, level.0.min(most))
}

/// A field in tracing's format, with the message unnamed. Its content cannot begin or end a line.
fn field(writer: &mut Writer<'_>, field: &Field, value: &dyn fmt::Debug) -> fmt::Result {
    let mut writer = OneLine(writer);
    match field.name() {
        "message" => write!(writer, "{value:?}"),
        name => write!(writer, "{name}={value:?}"),
    }
}

struct OneLine<W>(W);

impl<W: Write> Write for OneLine<W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for part in text.split_inclusive(|character| !is_shown(character)) {
            match part.char_indices().next_back() {
                Some((end, last)) if !is_shown(last) => {
                    self.0.write_str(&part[..end])?;
                    write!(self.0, "{}", last.escape_default())?;
                }
                _ => self.0.write_str(part)?,
            }
        }
        Ok(())
    }
}

/// Reports panics on one line of the standard error stream, for commands, which do not log.
pub fn tell_panics() {
    std::panic::set_hook(Box::new(|panic| eprintln!("{}", tell(panic))));
}

/// The location of a panic. Its message may quote a client's data, so it is reported only for libraries that handle none.
fn tell(panic: &PanicHookInfo<'_>) -> String {
    let Some(place) = panic.location() else {
        return "defect: panicked at an unknown place".to_owned();
    };
    let is_harmless = VENDORS
        .iter()
        .flat_map(|vendor| vendor.libraries)
        .any(|library| place.file().contains(library));
    if is_harmless {
        format!("defect: panicked at {place}: {}", message(panic.payload()))
    } else {
        format!("defect: panicked at {place}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_library_would_tell_of_credentials_is_not_logged() {
        let trace = targets("trace".parse().unwrap());
        assert!(trace.would_enable("signer::backend", &tracing::Level::TRACE));
        for target in ["aws_smithy_runtime::client::orchestrator", "aws_sigv4"] {
            assert!(trace.would_enable(target, &tracing::Level::WARN));
            assert!(!trace.would_enable(target, &tracing::Level::INFO));
        }
        let off = targets("error".parse().unwrap());
        assert!(!off.would_enable("aws_config", &tracing::Level::WARN));
    }

    #[test]
    fn what_a_library_logs_of_an_answer_stays_on_its_line() {
        let mut written = String::new();
        let text = "<html>\n2026-01-01T00:00:00Z  INFO forged\u{1b}[2J\u{202E} é";
        write!(OneLine(&mut written), "{text}").unwrap();
        assert_eq!(written, r"<html>\n2026-01-01T00:00:00Z  INFO forged\u{1b}[2J\u{202e} é");
    }
}
