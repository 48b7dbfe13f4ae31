//! A new Deployment that a binding names is held by the API server until its signer is injected. The tests check
//! ReplicaSets: a template without a ReplicaSet has started no pod.
//!
//! On an older Kubernetes, `make unit` leaves these tests out by the name of their module, and says so.
//! `operator_not_held` tests new Deployments there.

mod from_kubernetes_1_36;
