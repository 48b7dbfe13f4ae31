//! Step 4: decides which rendered changes may be written now. Pure.

mod approval;
mod departure;

use std::collections::BTreeSet;

use crds::conditions::reasons;
use crds::names::{FIELD_MANAGER, HASH_ANNOTATION};
use crds::{Rollout, SignerBinding};
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use crate::model::binding::{is_stripped, last_hash, recorded_fingerprint, recorded_hash};
use crate::model::deployment::{LiveDeployment, token_secret};
use crate::model::observed::Observed;
use crate::model::plan::{Gate, Plan, Planned};
use crate::model::reason::Reason;
use crate::model::rendered::Rendered;
use crate::model::settings::{Settings, Upgrades};
use crate::template::additions;
use crate::template::hash::{template_part, token_part};
use crate::template::ours;

/// Gives each rendered Deployment its gate.
///
/// `was_applied` says, for the uid of a Deployment and a hash, whether this process wrote that rendering or found it in place.
pub fn plan(
    observed: &Observed,
    rendered: Vec<Result<Rendered, Reason>>,
    settings: &Settings,
    was_applied: impl Fn(&str, &str) -> bool,
) -> Plan {
    let binding = &observed.binding;
    let departing = observed
        .targets
        .iter()
        .filter_map(|target| departure::of(binding, target));
    let hash = hash(rendered.iter().flatten(), departing.clone().map(departure::entry));
    let removals: BTreeSet<_> = departing
        .filter(|live| departure::waits(binding, live, &hash).is_none())
        .map(|live| live.name().to_owned())
        .collect();
    let targets = observed.targets.iter().zip(rendered);
    let targets = targets.map(|(target, rendered)| {
        let waits = departure::of(binding, target).and_then(|live| departure::waits(binding, live, &hash));
        let rendered = rendered.map_err(|refusal| waits.unwrap_or(refusal))?;
        let live = target.deployment.as_ref();
        let known = live.map_or(Known::default(), |live| {
            let is_written = live.injected_hash().is_some_and(|hash| was_applied(live.uid(), hash));
            Known::of(binding, live, &rendered, is_written)
        });
        let Known {
            is_repair,
            is_stripped,
            is_altered,
            is_update: _,
        } = known;
        Ok(Planned {
            gate: gate(binding, &rendered, &hash, settings, known),
            is_repair,
            is_stripped,
            is_altered,
            is_rotation: live.is_some_and(|live| is_rotation(live, &rendered)),
            // A restored rendering has run before, so it is not tried first. Without running pods, a try would protect nothing:
            // the Deployment is paused or held, has 0 replicas, or is so new that its first pod would start without a signer in
            // the meantime.
            is_tried: settings.try_before_roll
                && !is_repair
                && !is_stripped
                && live.is_some_and(|live| live.starts_pods() && live.has_pods()),
            rendered,
        })
    });
    Plan {
        targets: targets.collect(),
        removals,
        hash,
    }
}

/// A hash of the sorted pairs of Deployment and rendered hash, or removal. Other live values are excluded, so that a changed image or
/// an autoscaler does not invalidate an approval.
fn hash<'a>(rendered: impl Iterator<Item = &'a Rendered>, departing: impl Iterator<Item = String>) -> String {
    let mut pairs: Vec<_> = rendered
        .map(|rendered| format!("{}={}\n", rendered.target.name, rendered.hash))
        .chain(departing)
        .collect();
    pairs.sort_unstable();
    HEXLOWER.encode(&Sha256::digest(pairs.concat()))
}

/// What a write to a Deployment would be.
#[derive(Clone, Copy, Default)]
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
struct Known {
    is_repair: bool,
    is_stripped: bool,
    is_altered: bool,
    /// Whether the difference can only come from a new operator version.
    is_update: bool,
}

impl Known {
    /// If this process wrote the present rendering, the operator has not changed.
    fn of(binding: &SignerBinding, live: &LiveDeployment, rendered: &Rendered, is_written: bool) -> Self {
        let is_older = !is_written && is_older(binding, live, rendered);
        let is_altered = is_older && is_altered(binding, live, rendered);
        Self {
            is_repair: is_repair(binding, live, rendered),
            is_stripped: is_stripped(binding, live, &rendered.node_container),
            is_altered,
            is_update: is_older && !is_altered,
        }
    }
}

fn gate(binding: &SignerBinding, rendered: &Rendered, hash: &str, settings: &Settings, known: Known) -> Gate {
    if binding.spec.suspend == Some(true) {
        return Gate::Shut(Reason::new(
            reasons::SUSPENDED,
            "spec.suspend is true: the operator writes nothing for this binding and leaves injected signers as they are",
        ));
    }
    if approval::is_given(binding, hash) {
        return Gate::Open;
    }
    let how = approval::how(binding, hash);
    if let Some(refusal) = &rendered.needs_approval {
        return Gate::Approval(Reason::new(refusal.code, format!("{}. {how}", refusal.message)));
    }
    // Restoring an earlier state needs no approval. A voter that lost its signer does not wait either: any injection of
    // its binding is better than a node with a temporary key.
    if known.is_repair || known.is_stripped {
        return Gate::Open;
    }
    if known.is_update && settings.upgrades == Upgrades::Hold {
        return Gate::Update;
    }
    if binding.spec.rollout == Some(Rollout::Manual) {
        return Gate::Approval(Reason::new(
            reasons::APPROVAL_PENDING,
            format!("spec.rollout is Manual, and status.plan waits for an approval, which replaces the pods. {how}"),
        ));
    }
    Gate::Open
}

/// Whether this exact rendering was in place before. The annotation proves it only if the operator wrote the annotation: the
/// wanted hash is visible in `status.plan`, and anyone who edits the Deployment could copy it.
fn is_repair(binding: &SignerBinding, live: &LiveDeployment, rendered: &Rendered) -> bool {
    let wanted = Some(rendered.hash.as_str());
    let is_ours = live
        .ours()
        .is_some_and(|ours| ours.owns_template_key("annotations", HASH_ANNOTATION));
    (is_ours && live.injected_hash() == wanted) || last_hash(binding, live.name()) == wanted
}

/// Whether the Deployment carries the previous operator's rendering for the same spec and token. A held Deployment has no pods that
/// an update would roll.
fn is_older(binding: &SignerBinding, live: &LiveDeployment, rendered: &Rendered) -> bool {
    let status = binding.status.as_ref();
    let is_same_spec = status.is_some_and(|status| status.observed_generation == binding.metadata.generation);
    let is_of_a_new_version = |found: &str| {
        recorded_hash(binding, live.name()) == Some(found)
            && token_part(found) == token_part(&rendered.hash)
            && template_part(found) != template_part(&rendered.hash)
    };
    !live.is_held() && is_same_spec && live.injected_hash().is_some_and(is_of_a_new_version)
}

/// Whether another client has changed the previous operator's rendering. The annotation with its hash does not show that. This
/// operator does not know that rendering, but the fingerprint of what the API server made of it.
fn is_altered(binding: &SignerBinding, live: &LiveDeployment, rendered: &Rendered) -> bool {
    let recorded = recorded_fingerprint(binding, live.name());
    if let Some(is_unchanged) = recorded.and_then(|recorded| ours::is_unchanged(live, recorded)) {
        return !is_unchanged;
    }
    // The previous operator recorded none, or one of other content.
    let ours = live.ours();
    !ours.is_some_and(|ours| ours.owns_signer() && ours.owns_signer_image()) || others_added(live, rendered)
}

/// Whether another client added something to the signer that neither this operator nor the previous one rendered.
fn others_added(live: &LiveDeployment, rendered: &Rendered) -> bool {
    let wanted = &rendered.deployment["spec"]["template"]["spec"]["initContainers"][0];
    let added = live.signer().map(|found| additions::of(found, wanted));
    added.into_iter().flatten().any(|addition| {
        let mut others = live.managed_fields().filter(|entry| entry.manager != FIELD_MANAGER);
        others.any(|entry| entry.owns_of_signer(&addition.managed))
    })
}

/// Whether the token was changed in place: the value differs, but the template still names the same Secret.
fn is_rotation(live: &LiveDeployment, rendered: &Rendered) -> bool {
    let wanted = &rendered.deployment["spec"]["template"]["spec"]["initContainers"][0];
    live.injected_hash()
        .is_some_and(|found| token_part(found) != token_part(&rendered.hash))
        && live
            .signer()
            .is_some_and(|signer| token_secret(signer) == token_secret(wanted))
}

#[cfg(test)]
mod tests {
    use crds::names::APPROVE_ANNOTATION;
    use kube::ResourceExt;
    use serde_json::json;

    use super::*;
    use crate::model::identity::PodIdentity;
    use crate::model::injection::DeploymentRef;

    fn rendered(hash: &str) -> Rendered {
        Rendered {
            target: DeploymentRef {
                namespace: "atto".to_owned(),
                name: "voter".to_owned(),
                uid: "u".to_owned(),
            },
            node_container: "node".to_owned(),
            hash: hash.to_owned(),
            deployment: json!({}),
            service: json!({}),
            identity: PodIdentity::NotNeeded,
            needs_approval: None,
        }
    }

    fn live(hash: &str) -> LiveDeployment {
        LiveDeployment::new(json!({
            "metadata": {"name": "voter", "managedFields": [{"manager": "signer-operator", "operation": "Apply", "fieldsV1": {
                "f:spec": {"f:template": {"f:spec": {"f:initContainers": {"k:{\"name\":\"signer\"}": {"f:image": {}}}}}},
            }}]},
            "spec": {"template": {"metadata": {"annotations": {"signer.atto.cash/hash": hash}}}},
        }))
    }

    /// A binding whose status says that the first hash was in place for this generation.
    fn binding(generation: i64, spec: &serde_json::Value) -> SignerBinding {
        let mut binding = json!({
            "apiVersion": "signer.atto.cash/v1alpha1", "kind": "SignerBinding",
            "metadata": {"name": "voter", "namespace": "atto", "generation": generation},
            "spec": {
                "target": {"name": "voter"}, "capabilities": ["VOTE"], "tokenSecretRef": {"name": "t", "key": "k"},
                "key": {"local": {"secretRef": {"name": "s", "key": "k"}}},
            },
            "status": {"observedGeneration": 1, "targets": [
                {"name": "voter", "injected": true, "pods": 1, "ready": 1, "reason": "Ready", "message": "", "hash": "old-t"},
            ]},
        });
        for (field, value) in spec.as_object().into_iter().flatten() {
            binding["spec"][field] = value.clone();
        }
        serde_json::from_value(binding).unwrap()
    }

    fn of(binding: &SignerBinding, found: &str, wanted: &str, is_known: bool) -> Gate {
        let rendered = rendered(wanted);
        let known = Known {
            // These Deployments have no containers.
            is_stripped: false,
            ..Known::of(binding, &live(found), &rendered, is_known)
        };
        gate(binding, &rendered, "approved", &Settings::default(), known)
    }

    #[test]
    fn holds_what_only_the_operator_renders_otherwise() {
        let plain = json!({});
        assert_eq!(of(&binding(1, &plain), "old-t", "new-t", false), Gate::Update);
        for (generation, found, wanted, is_known, why) in [
            (2, "old-t", "new-t", false, "a changed spec"),
            (1, "old-t", "new-u", false, "another token"),
            (1, "old-t", "new-t", true, "a change that this process has seen"),
            (1, "other-t", "new-t", false, "an annotation of somebody else"),
        ] {
            assert_eq!(
                of(&binding(generation, &plain), found, wanted, is_known),
                Gate::Open,
                "{why}"
            );
        }
    }

    #[test]
    fn an_earlier_rendering_that_another_client_has_changed_is_repaired_and_not_held() {
        let recorded = live("old-t");
        let mut edited = recorded.raw().clone();
        edited["spec"]["template"]["spec"]["initContainers"] = json!([{"name": "signer", "image": "other"}]);
        let edited = LiveDeployment::new(edited);
        let of = |binding: &SignerBinding, live: &LiveDeployment, is_written: bool| {
            let known = Known::of(binding, live, &rendered("new-t"), is_written);
            (known.is_update, known.is_altered)
        };
        let mut binding = binding(1, &json!({}));
        let mut record = |fingerprint: Option<String>| {
            let status = binding.status.as_mut().unwrap();
            status.targets[0].fingerprint = fingerprint;
            binding.clone()
        };
        let of_today = record(Some(ours::fingerprint(&recorded)));
        assert_eq!(of(&of_today, &recorded, false), (true, false));
        assert_eq!(of(&of_today, &edited, false), (false, true));
        assert_eq!(of(&of_today, &edited, true), (false, false), "this process wrote it");
        for unknown in [None, Some("0-of-an-earlier-version".to_owned())] {
            let of_earlier = record(unknown);
            assert_eq!(
                of(&of_earlier, &edited, false),
                (true, false),
                "only its owner is known"
            );
            let nobodys = LiveDeployment::new(json!({
                "metadata": {"name": "voter"},
                "spec": recorded.raw()["spec"],
            }));
            assert_eq!(of(&of_earlier, &nobodys, false), (false, true));
        }
    }

    #[test]
    fn manual_waits_for_an_approval_and_repairs_without_one() {
        let manual = json!({"rollout": "Manual"});
        let mut waiting = binding(2, &manual);
        assert!(
            matches!(of(&waiting, "old-t", "new-t", true), Gate::Approval(refusal) if refusal.code == "ApprovalPending")
        );
        assert_eq!(
            of(&waiting, "", "old-t", true),
            Gate::Open,
            "a repair towards what was approved"
        );
        waiting
            .annotations_mut()
            .insert(APPROVE_ANNOTATION.to_owned(), "another".to_owned());
        assert!(matches!(of(&waiting, "old-t", "new-t", true), Gate::Approval(_)));
        waiting
            .annotations_mut()
            .insert(APPROVE_ANNOTATION.to_owned(), "approved".to_owned());
        assert_eq!(of(&waiting, "old-t", "new-t", true), Gate::Open);
        assert!(matches!(
            of(&binding(2, &json!({"suspend": true})), "old-t", "new-t", true),
            Gate::Shut(_)
        ));
    }

    #[test]
    fn a_hash_that_somebody_copied_into_the_template_is_no_approval() {
        let waiting = binding(2, &json!({"rollout": "Manual"}));
        assert!(matches!(of(&waiting, "new-t", "new-t", true), Gate::Approval(_)));
        let mut ours = live("new-t").raw().clone();
        ours["metadata"]["managedFields"][0]["fieldsV1"]["f:spec"]["f:template"]["f:metadata"] =
            json!({"f:annotations": {"f:signer.atto.cash/hash": {}}});
        assert!(is_repair(&waiting, &LiveDeployment::new(ours), &rendered("new-t")));
    }

    #[test]
    fn a_voter_without_its_signer_waits_for_no_approval() {
        let manual = binding(2, &json!({"rollout": "Manual"}));
        let gate = |rendered: &Rendered, is_stripped| {
            let known = Known {
                is_stripped,
                ..Known::default()
            };
            gate(&manual, rendered, "approved", &Settings::default(), known)
        };
        assert!(matches!(gate(&rendered("new-t"), false), Gate::Approval(_)));
        assert_eq!(gate(&rendered("new-t"), true), Gate::Open);
        let mut of_another = rendered("new-t");
        of_another.needs_approval = Some(Reason::new(reasons::TAKE_OVER_PENDING, ""));
        assert!(matches!(gate(&of_another, true), Gate::Approval(_)));
    }

    #[test]
    fn the_hash_of_a_plan_follows_names_and_hashes_alone() {
        let (first, mut second) = (rendered("a"), rendered("b"));
        second.target.name = "z".to_owned();
        let of = |rendered: [&Rendered; 2]| hash(rendered.into_iter(), [].into_iter());
        let both = of([&first, &second]);
        assert_eq!(both.len(), 64);
        assert_eq!(both, of([&second, &first]));
        second.deployment = json!({"image": "changed"});
        assert_eq!(both, of([&first, &second]));
        assert_ne!(both, hash([&first].into_iter(), [].into_iter()));
        assert_ne!(
            both,
            hash([&first, &second].into_iter(), ["gone=removed\n".to_owned()].into_iter())
        );
    }
}
