//! What kubectl takes, the programs take: manifests with the same values.

mod manifests;
