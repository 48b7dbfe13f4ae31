//! Step 2: decides what may be done. Pure. Later steps neither search for containers nor read which fields the binding
//! asks for. The plan step decides when they are written.

mod acceptance;
mod addresses;
mod container_change;
mod deployment;
mod identity;
mod readiness;
mod resources;
mod token;

use crds::conditions::{reasons, types};
use crds::{DeletionPolicy, Effective, ImagePullPolicy, Rollout, SecretKeyRef, SignerBinding};

use crate::backends::{self, KeyBackend};
use crate::model::binding::{has_injected, was_injected};
use crate::model::injection::{DeploymentRef, Injection, TargetVerdict, Verdict};
use crate::model::observed::{Observed, ObservedTarget};
use crate::model::reason::Reason;
use crate::model::settings::Settings;
use crate::template::service;
use readiness::Readiness;

pub use acceptance::image_is_allowed;

/// Decides what may be done.
pub fn validate(observed: &Observed, settings: &Settings) -> Verdict {
    let binding = &observed.binding;
    let effective = effective(binding, settings);
    let accepted = acceptance::accepted(settings, &effective);
    let token = token::usable(&binding.spec.token_secret_ref, &observed.token);
    let beyond = observed.beyond_the_limit();
    let targets = observed.targets.iter().map(|target| {
        let accepted = accepted
            .clone()
            .and_then(|()| acceptance::nobody_was_first(target))
            .and_then(|()| acceptance::is_within_the_limit(observed, &beyond, target));
        let identity = identity::identity(observed, target, identity_was_ready(binding));
        let injection = match &accepted {
            _ if !target.is_selected() => Err(deployment::no_longer_selected(target, effective.deletion_policy)),
            Err(_) => Err(Reason::new(
                reasons::NOT_ACCEPTED,
                "Nothing is written until the binding is accepted. Injected signers stay as they are",
            )),
            Ok(()) => readiness::readiness(observed, target, &token, &identity)
                .and_then(|ready| injection(observed, target, &effective, ready)),
        };
        TargetVerdict {
            accepted,
            identity,
            injection,
        }
    });
    Verdict {
        targets: targets.collect(),
        effective,
        accepted,
        token: token.map(|found| found.state),
    }
}

/// The effective values of fields that the binding leaves out.
fn effective(binding: &SignerBinding, settings: &Settings) -> Effective {
    let signer = binding.spec.signer.clone().unwrap_or_default();
    let ports = signer.ports.unwrap_or_default();
    Effective {
        image: signer.image.unwrap_or_else(|| settings.signer_image.clone()),
        api_port: ports.effective_api(),
        management_port: ports.effective_management(),
        rollout: binding.spec.rollout.unwrap_or(Rollout::Automatic),
        deletion_policy: binding.spec.deletion_policy.unwrap_or(DeletionPolicy::Retain),
        // The status step learns it from the signers.
        key: None,
    }
}

/// Whether the annotation existed when this spec was last checked.
fn identity_was_ready(binding: &SignerBinding) -> bool {
    binding.status.as_ref().is_some_and(|status| {
        status.conditions.iter().any(|condition| {
            condition.type_ == types::IDENTITY_READY
                && condition.reason == reasons::SERVICE_ACCOUNT_ANNOTATED
                && condition.observed_generation == binding.metadata.generation
        })
    })
}

fn injection(
    observed: &Observed,
    target: &ObservedTarget,
    effective: &Effective,
    ready: Readiness,
) -> Result<Injection, Reason> {
    let spec = &observed.binding.spec;
    let live = deployment::present(target)?;
    let backend = key_backend(observed)?;
    if ready.needs_key {
        addresses::are_addresses(spec)?;
        readiness::key_is_there(observed, backend)?;
        readiness::variables_have_their_secrets(observed)?;
    }
    let signer = deployment::signer_origin(live)?;
    let node_container = deployment::node_container(live, spec.target.container.as_deref())?;
    deployment::ports_are_free(live, effective)?;
    // Only metrics need the Service. A voter that had its signer before gets a warning instead, so that it is still repaired.
    if !has_injected(&observed.binding, live.name()) {
        service::is_free(target.service.as_ref(), live.name())?;
    }
    let settings = spec.signer.clone().unwrap_or_default();
    let mut capabilities = spec.capabilities.clone();
    capabilities.sort_unstable();
    let injection = Injection {
        deployment: DeploymentRef::of(live),
        node_container,
        key: backend.voter(),
        access: backend.access(),
        mounts: backend.mounts(),
        expected_address: spec.key.expected_address.clone(),
        capabilities,
        policy: spec.policy.clone().unwrap_or_default(),
        token: spec.token_secret_ref.clone(),
        token_fingerprint: ready.token_fingerprint,
        image: effective.image.clone(),
        image_pull_policy: settings.image_pull_policy.unwrap_or(ImagePullPolicy::IfNotPresent),
        api_port: effective.api_port,
        management_port: effective.management_port,
        log_level: settings.log_level,
        resources: resources::resources(&observed.binding, live, settings.resources),
        env: settings.env,
        security_context: settings.security_context,
        signer,
        identity: ready.identity,
        match_labels: live.match_labels(),
        needs_approval: None,
    };
    deployment::volumes_are_free(live, &injection.mounts)?;
    deployment::variables_agree(live, &injection)?;
    let was_ours = was_injected(&observed.binding, live.name());
    let wanted = spec.target.container.as_deref();
    Ok(Injection {
        needs_approval: deployment::take_over(live, &injection, was_ours)
            .or_else(|| container_change::pending(live, &injection.node_container, wanted)),
        ..injection
    })
}

fn key_backend(observed: &Observed) -> Result<&dyn KeyBackend, Reason> {
    let spec = &observed.binding.spec;
    let backend = backends::of(&spec.key).ok_or_else(|| {
        Reason::new(
            reasons::INVALID,
            "spec.key: found no backend, expected exactly one of gcp, aws, vault and local",
        )
    })?;
    token_is_no_key(backend, &spec.token_secret_ref)?;
    Ok(backend)
}

/// The schema refuses this, except in a binding that is older than the rule.
fn token_is_no_key(backend: &dyn KeyBackend, token: &SecretKeyRef) -> Result<(), Reason> {
    if backend.private_key() != Some(token) {
        return Ok(());
    }
    let SecretKeyRef { name, key } = token;
    Err(Reason::new(
        reasons::INVALID,
        format!(
            "spec.tokenSecretRef: found key {key} of Secret {name}, which {} names as the private key. The node would send it as its token. Put a separate token into another Secret, or under another key, and name it",
            backend.field()
        ),
    ))
}
