//! The signer that this one replaces, `ghcr.io/attocash/signer`, as measured once: votes with a LOCAL key, on two cores shared
//! with the load, on a JVM.

/// For one kind of connection.
pub struct Figures {
    pub per_second: f64,
    pub cpu_microseconds: f64,
    pub p99_milliseconds: f64,
}

pub const KEPT: Figures = Figures {
    per_second: 15_300.0,
    cpu_microseconds: 110.0,
    p99_milliseconds: 9.6,
};

pub const NEW: Figures = Figures {
    per_second: 9_600.0,
    cpu_microseconds: 151.0,
    p99_milliseconds: 6.8,
};

pub const IDLE: &str = "320 MiB";
pub const LOADED: &str = "500 MiB";
