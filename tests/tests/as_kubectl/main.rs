//! What kubectl takes, the programs take: manifests with the same values, and the same ways to the API server.

mod connections;
mod manifests;
mod network;
mod proxies;
mod servers;
mod subject;
mod table;
mod users;
