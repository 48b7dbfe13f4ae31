//! No edit starts an injected voter without its signer. The tests have a row for each way in which people change, roll
//! back or resume a Deployment, with a real API server, its controllers and the running operator. They check which
//! ReplicaSets had to start pods.

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
