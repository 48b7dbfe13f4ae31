//! The public key and address that the signers report, and the key in use then.

use crds::SignerBindingStatus;

use super::target::Reported;
use crate::backends;
use crate::model::applied::{Applied, AppliedTarget};
use crate::model::observed::Observed;
use crate::template::voter::{key_of, key_of_backend};

/// The key's part of a status.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Reading {
    pub public_key: Option<String>,
    pub address: Option<String>,
    /// The key in use when they were read.
    pub key: Option<String>,
}

/// The signers' report. If no signer reports, their last report, unless the signers have another key since then.
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
        // Written by an operator that did not record the key.
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

/// The key in the template, which differs from the binding's while a change is held.
fn given(applied: &AppliedTarget) -> Option<String> {
    let live = applied.deployment.as_ref().filter(|live| live.owns_signer())?;
    live.signer().and_then(key_of)
}
