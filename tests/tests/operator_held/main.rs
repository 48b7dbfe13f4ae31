//! A new Deployment that a binding names is held by the API server until its signer is injected. It is asserted on ReplicaSets: what
//! none was made of has started no pod.

mod creation;
mod faults;
mod held;
mod letting_go;
mod outages;
mod policy;
