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
    (0, "ended as it was told to"),
    (USAGE, "the command line was not understood"),
    (UNAVAILABLE, "what was asked for is not there now"),
    (
        PERMISSION,
        "the key service refuses the permission, or knows no such key",
    ),
    (
        CONFIGURATION,
        "a setting is wrong, the key is not the expected one, or a port or the audit file is not to be had",
    ),
];
