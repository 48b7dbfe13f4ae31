//! See [`operator::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    operator::cli::main()
}
