//! The names of all backends, for messages and `--help`.

use crate::backend::VENDORS;

/// A key in this process, without a key service.
pub const LOCAL: &str = "LOCAL";

/// “GCP or LOCAL”, each name formatted by `show`.
pub fn backend_names(show: impl Fn(&str) -> String) -> String {
    let names: Vec<_> = VENDORS.iter().map(|vendor| show(vendor.name)).collect();
    format!("{} or {}", names.join(", "), show(LOCAL))
}

/// “GCP” and others: the backends with a key service.
pub fn remote_names() -> String {
    let names: Vec<_> = VENDORS.iter().map(|vendor| vendor.name).collect();
    names.join(", ")
}
