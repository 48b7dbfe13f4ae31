//! Exit codes of the program, from sysexits.

/// The object of the command is not ready, or the person did not confirm.
pub const NOT_DONE: u8 = 1;
/// The command line was not understood (`EX_USAGE`).
pub const USAGE: u8 = 64;
/// The input is invalid (`EX_DATAERR`).
pub const DATA: u8 = 65;
/// There is no such Deployment (`EX_NOINPUT`).
pub const NO_INPUT: u8 = 66;
/// The API server does not answer (`EX_UNAVAILABLE`).
pub const UNAVAILABLE: u8 = 69;
/// The program could not start, or has a defect (`EX_SOFTWARE`).
pub const SOFTWARE: u8 = 70;
/// The output could not be written (`EX_IOERR`).
pub const OUTPUT: u8 = 74;
/// A retry may succeed (`EX_TEMPFAIL`).
pub const AGAIN: u8 = 75;
/// A permission is missing (`EX_NOPERM`).
pub const PERMISSION: u8 = 77;
/// The cluster or a binding is misconfigured (`EX_CONFIG`).
pub const CONFIGURATION: u8 = 78;

/// All codes and 0, each with its meaning in words.
pub const ALL: [(u8, &str); 11] = [
    (0, "success; `operator run`: shut down on request"),
    (
        NOT_DONE,
        "`kubectl atto-signer status` and `explain`: a SignerBinding is not ready; `approve`: the answer was no",
    ),
    (USAGE, "the command line is not valid"),
    (
        DATA,
        "`operator render`: a file is not valid, or the operator would refuse the Deployment",
    ),
    (
        NO_INPUT,
        "`operator explain`, `operator remove`: there is no such Deployment",
    ),
    (UNAVAILABLE, "the API server cannot be reached"),
    (
        SOFTWARE,
        "`operator run` could not start, or a defect; the last line has the cause",
    ),
    (OUTPUT, "the output could not be written"),
    (
        AGAIN,
        "`operator run`: the Lease was lost, start it again; `operator remove`: the Deployment keeps changing, try again",
    ),
    (
        PERMISSION,
        "the API server refuses a permission, or the guard refuses `operator remove`",
    ),
    (
        CONFIGURATION,
        "`operator preflight`: the cluster does not meet a requirement; `operator remove`: a SignerBinding names the Deployment, or the Deployment runs",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_is_told_once_and_in_order() {
        let codes = ALL.map(|(code, _)| code);
        assert!(codes.is_sorted_by(|one, other| one < other), "{codes:?}");
    }
}
