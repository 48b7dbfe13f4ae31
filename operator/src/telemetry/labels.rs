//! Label values from finite sets. A status may contain values that another version wrote.

/// For a value that this operator does not know.
const OTHER: &str = "Other";

/// The name, if it is in the list.
pub fn known(names: &[&'static str], name: &str) -> &'static str {
    names.iter().copied().find(|known| *known == name).unwrap_or(OTHER)
}
