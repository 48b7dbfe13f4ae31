//! The approval that a plan may wait for.

use crds::SignerBinding;
use crds::names::APPROVE_ANNOTATION;
use kube::ResourceExt;

/// Whether the plan with this hash is approved.
pub fn is_given(binding: &SignerBinding, hash: &str) -> bool {
    binding
        .annotations()
        .get(APPROVE_ANNOTATION)
        .is_some_and(|approved| approved == hash)
}

/// How to approve it, for a message.
pub fn how(binding: &SignerBinding, hash: &str) -> String {
    format!(
        "To approve it: kubectl annotate signerbinding {} --namespace {} --overwrite {APPROVE_ANNOTATION}={hash}",
        binding.name_any(),
        binding.namespace().unwrap_or_default()
    )
}
