//! The report about one reconcile.

use crds::SignerBindingStatus;

/// The report about one reconcile.
#[derive(Debug)]
pub struct Report {
    pub status: SignerBindingStatus,
    pub notices: Vec<Notice>,
}

/// An Event to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The Deployment that it is written on.
    pub deployment: Option<String>,
    /// Whether it is also written on the binding.
    pub is_on_binding: bool,
    pub is_warning: bool,
    pub reason: String,
    pub action: &'static str,
    pub note: String,
}
