//! What each kind of key needs of a pod and of the cluster. A key service is a file here and a line in [`of`].

mod backend;
mod gcp;
mod local;

use crds::{Key, SignerBinding, Source};

pub use backend::{AccountNeeds, KeyBackend, Mounts, Noted};

/// The backend of a key. None where no backend is set, which the schema refuses.
pub fn of(key: &Key) -> Option<&dyn KeyBackend> {
    match key.source()? {
        Source::Gcp(key) => Some(key),
        Source::Local(key) => Some(key),
    }
}

/// Whether two bindings name the same key of a key service.
pub fn share_a_key(left: &SignerBinding, right: &SignerBinding) -> bool {
    let (left, right) = (of(&left.spec.key), right.spec.key.source());
    left.zip(right).is_some_and(|(left, right)| left.is_same_key(&right))
}

/// What a key asks of the ServiceAccount of the pods, if anything.
pub fn account(binding: &SignerBinding) -> Option<AccountNeeds> {
    of(&binding.spec.key)?.account()
}
