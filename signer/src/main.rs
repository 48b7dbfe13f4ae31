//! The signer's program: everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    signer::cli::run(std::env::args_os())
}
