//! What each kind of key needs of a pod and of the cluster. A key service is a file here and a line in [`of`].

mod backend;
mod gcp;
mod local;

use crds::{Key, SignerBinding, Source};

pub use backend::{AccountNeeds, GivenKey, KeyBackend, Mounts, Noted};

/// The backend of a key. None where no backend is set, which the schema refuses.
pub fn of(key: &Key) -> Option<&dyn KeyBackend> {
    match key.source()? {
        Source::Gcp(key) => Some(key),
        Source::Local(key) => Some(key),
    }
}

/// Whether two bindings name the same key: of a key service, or of one Secret of their namespace.
pub fn share_a_key(left: &SignerBinding, right: &SignerBinding) -> bool {
    let are_neighbours = left.metadata.namespace == right.metadata.namespace;
    let (Some(one), Some(other)) = (of(&left.spec.key), of(&right.spec.key)) else {
        return false;
    };
    let share_a_secret = || are_neighbours && !one.secrets().is_empty() && one.secrets() == other.secrets();
    right.spec.key.source().is_some_and(|right| one.is_same_key(&right)) || share_a_secret()
}

/// What a key asks of the ServiceAccount of the pods, if anything.
pub fn account(binding: &SignerBinding) -> Option<AccountNeeds> {
    of(&binding.spec.key)?.account()
}
