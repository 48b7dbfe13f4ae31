//! What the program exits with: the codes of sysexits.

/// The command line was not understood (`EX_USAGE`).
pub const USAGE: u8 = 64;
/// What was asked for is not there now (`EX_UNAVAILABLE`).
pub const UNAVAILABLE: u8 = 69;
/// A permission or a key is missing (`EX_NOPERM`).
pub const PERMISSION: u8 = 77;
/// A setting is wrong (`EX_CONFIG`).
pub const CONFIGURATION: u8 = 78;

/// All of them and 0, each with when it is, for people.
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
