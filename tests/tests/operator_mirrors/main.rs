//! Admission policies that rewrite Deployments on each write, for example to take images from a mirror: their changes
//! of the operator's fields are not drift, and the guard allows them.
//!
//! On an older Kubernetes, `make unit` leaves these tests out by the name of their module, and says so. There, only
//! webhooks can rewrite objects.

mod from_kubernetes_1_36;
#[path = "../managed/mod.rs"]
mod managed;
