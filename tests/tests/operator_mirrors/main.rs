//! Admission policies that rewrite Deployments on each write, as those that take images from a mirror: what they make of our part is
//! not drift, and the guard lets it be.
//!
//! `make unit` on an older Kubernetes leaves these tests out, by the name of their module, and says so: there, only webhooks do this.

mod from_kubernetes_1_36;
#[path = "../managed/mod.rs"]
mod managed;
