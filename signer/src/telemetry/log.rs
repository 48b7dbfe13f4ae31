use std::{io, str::FromStr};

use tracing::level_filters::LevelFilter;

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
    // The payload of a panic may quote what somebody sent; the place says enough.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic
            .location()
            .map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
        tracing::error!("defect: panicked at {place}");
    }));
}
