//! See [`operator::commands::plugin`].

use std::process::ExitCode;

fn main() -> ExitCode {
    operator::commands::plugin::main()
}
