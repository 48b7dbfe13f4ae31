//! Label values of finite sets: what a status says is not always what this operator has written.

/// What a status says that this operator did not write.
const OTHER: &str = "Other";

/// The name, if it is one of these.
pub fn known(names: &[&'static str], name: &str) -> &'static str {
    names.iter().copied().find(|known| *known == name).unwrap_or(OTHER)
}
