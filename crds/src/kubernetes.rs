//! The versions of Kubernetes that are supported. `make generate` writes them into chart, pages and CI, and the tests run on
//! both ends.

/// The oldest minor version of Kubernetes 1. Native sidecars are on by default and a ValidatingAdmissionPolicy is served as v1.
pub const OLDEST: u32 = 30;

/// The newest minor version of Kubernetes 1 on which everything was tested. Newer ones are not refused.
pub const NEWEST: u32 = 37;

/// The first minor version that serves a MutatingAdmissionPolicy as v1.
pub const MUTATING_POLICIES: u32 = 36;
