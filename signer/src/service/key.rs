use std::sync::Arc;

/// The hash that is to be signed: equal hashes have equal signatures.
pub type Key = Arc<[u8]>;
