//! Prints the results of a command.

use clap::ValueEnum;
use serde::Serialize;
use serde_json::{Value, json};

use crate::commands::Failure;
use crate::{exit, yaml};

/// Version of the JSON and YAML output. Adding a field keeps the version; renaming or removing one changes it.
pub const API_VERSION: &str = "cli.signer.atto.cash/v1";

/// The form of the output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Table,
    /// For people, with the wide columns.
    Wide,
    /// For scripts.
    Json,
    /// For scripts.
    Yaml,
}

/// A list as JSON or YAML. None if the output is for people.
///
/// # Errors
/// It cannot be serialised, which is a defect.
pub fn list(format: Format, kind: &str, items: &[impl Serialize]) -> Option<Result<String, Failure>> {
    let is_json = match format {
        Format::Table | Format::Wide => return None,
        Format::Json => true,
        Format::Yaml => false,
    };
    Some(print(is_json, kind, items).map_err(|error| Failure::new(exit::SOFTWARE, error)))
}

fn print(is_json: bool, kind: &str, items: &[impl Serialize]) -> Result<String, String> {
    let items = serde_json::to_value(items).map_err(|error| error.to_string())?;
    let whole: Value = json!({"apiVersion": API_VERSION, "kind": kind, "items": items});
    if is_json {
        let text = serde_json::to_string_pretty(&whole).map_err(|error| error.to_string())?;
        return Ok(text + "\n");
    }
    yaml::print(&whole)
}
