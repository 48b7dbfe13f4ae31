//! Which public key and address the signers have, and with which key they said so.

use crds::SignerBindingStatus;

use super::target::Reported;
use crate::backends;
use crate::model::applied::{Applied, AppliedTarget};
use crate::model::observed::Observed;
use crate::template::voter::{key_of, key_of_backend};

/// What a status says of the key.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Reading {
    pub public_key: Option<String>,
    pub address: Option<String>,
    /// The key that they were read with.
    pub key: Option<String>,
}

/// What the signers say; while none says anything, what they said last, unless they have been given another key since.
pub fn reading(observed: &Observed, applied: &Applied, reported: &[Reported], old: &SignerBindingStatus) -> Reading {
    let wanted = || backends::of(&observed.binding.spec.key).and_then(key_of_backend);
    let mut answers = reported.iter().zip(&applied.targets);
    if let Some((found, applied)) = answers.find_map(|(reported, applied)| Some((reported.signer.as_ref()?, applied))) {
        return Reading {
            public_key: Some(found.public_key.clone()),
            address: Some(found.address.clone()),
            key: given(applied).or_else(wanted),
        };
    }
    let now = applied.targets.iter().find_map(given).or_else(wanted);
    let before = old.effective.as_ref().and_then(|effective| effective.key.clone());
    let is_the_same = match &before {
        Some(_) => before == now,
        // Of an operator that did not record it.
        None => old.observed_generation == observed.binding.metadata.generation,
    };
    if !is_the_same || old.address.is_none() {
        return Reading::default();
    }
    Reading {
        public_key: old.public_key.clone(),
        address: old.address.clone(),
        key: now,
    }
}

/// The key that the template gives the signer, which is another one than the binding's while a change is held.
fn given(applied: &AppliedTarget) -> Option<String> {
    let live = applied.deployment.as_ref().filter(|live| live.owns_signer())?;
    live.signer().and_then(key_of)
}
