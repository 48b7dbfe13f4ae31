//! A new Deployment that a binding names is held by the API server until its signer is injected. It is asserted on ReplicaSets: what
//! none was made of has started no pod.
//!
//! `make unit` on an older Kubernetes leaves these tests out, by the name of their module, and says so. What becomes of a new
//! Deployment there, `operator_not_held` shows.

mod from_kubernetes_1_36;
