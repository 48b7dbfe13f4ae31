use std::sync::Arc;

/// The hash to sign. Equal hashes have equal signatures.
pub type Key = Arc<[u8]>;
