//! No edit starts an injected voter without its signer: a row for each way in which people change, roll back or resume
//! a Deployment, at a real API server with its controllers and the running operator. What counts is which ReplicaSets
//! had pods to start.

mod everyday;
mod exceptions;
mod files;
mod from_kubernetes_1_36;
#[path = "../guarded/mod.rs"]
mod guarded;
mod leash;
mod leash_cases;
mod manifests;
mod pods;
mod resumption;
mod rotation;
mod signer;
mod steps;
mod variables;
