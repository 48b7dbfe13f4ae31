//! See [`tests::demo`].

use std::process::ExitCode;

fn main() -> ExitCode {
    tests::demo::main()
}
