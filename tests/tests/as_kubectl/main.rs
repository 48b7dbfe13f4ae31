//! The programs accept the same input as kubectl: they read the same values from manifests, and connect to the API
//! server in the same way.

mod connections;
mod manifests;
mod network;
mod proxies;
mod servers;
mod subject;
mod table;
mod users;
