//! Exit codes of the program, from sysexits.

/// The command line was not understood (`EX_USAGE`).
pub const USAGE: u8 = 64;
/// The requested service or file is unavailable now (`EX_UNAVAILABLE`).
pub const UNAVAILABLE: u8 = 69;
/// A permission or a key is missing (`EX_NOPERM`).
pub const PERMISSION: u8 = 77;
/// A setting is wrong (`EX_CONFIG`).
pub const CONFIGURATION: u8 = 78;

/// All codes and 0, each with its meaning in words.
pub const ALL: [(u8, &str); 5] = [
    (0, "shut down on request"),
    (USAGE, "the command line is not valid"),
    (UNAVAILABLE, "the requested service is unavailable"),
    (PERMISSION, "the key service denies the permission, or has no such key"),
    (
        CONFIGURATION,
        "a setting is wrong, the key is not the expected one, or a port or the audit file is unavailable",
    ),
];
