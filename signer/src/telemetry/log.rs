use std::{io, panic::PanicHookInfo, str::FromStr};

use tracing::level_filters::LevelFilter;

use crate::{backend::VENDORS, caught::message};

/// How much is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level(LevelFilter);

impl Default for Level {
    fn default() -> Self {
        Self(LevelFilter::INFO)
    }
}

impl Level {
    /// What [`Level::from_str`] takes.
    pub const NAMES: &'static str = "off, error, warn, info, debug or trace";
}

impl FromStr for Level {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        text.parse().map(Self).map_err(|_| ())
    }
}

/// Log lines of this level and above go to the standard error stream, one line each.
pub fn init(level: Level) {
    tracing_subscriber::fmt()
        .with_max_level(level.0)
        .with_writer(io::stderr)
        .with_ansi(false)
        .with_target(false)
        .init();
    std::panic::set_hook(Box::new(|panic| tracing::error!("{}", tell(panic))));
}

/// Panics are told on one line of the standard error stream, for commands, which log nothing.
pub fn tell_panics() {
    std::panic::set_hook(Box::new(|panic| eprintln!("{}", tell(panic))));
}

/// Where a panic was. What it says may quote what somebody sent, so it is told of libraries alone that see nothing of a client.
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
