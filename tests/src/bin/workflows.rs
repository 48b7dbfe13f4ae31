//! Checks the workflows of this repository, and prints their problems.

use std::process::ExitCode;

use tests::{workflows, workspace};

fn main() -> ExitCode {
    match workflows::complaints(&workspace::root().join(workflows::FOLDER)) {
        Ok(complaints) if complaints.is_empty() => ExitCode::SUCCESS,
        Ok(complaints) => {
            eprintln!("{}", complaints.join("\n"));
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("workflows: {error:#}");
            ExitCode::FAILURE
        }
    }
}
