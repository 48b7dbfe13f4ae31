//! Step 6: builds the report. Pure. The status describes the running pods, not the written objects.

mod aggregate;
mod ahead;
mod beside;
mod condition;
mod contested;
mod events;
mod held;
mod identity;
mod key;
mod kstatus;
mod leaving;
mod recorded;
mod rollout;
mod signing;
mod state;
mod strays;
mod target;
mod token;
mod update;
mod warnings;

use crds::conditions::types;
use crds::{DeletedDeployment, Effective, MOST_TARGETS, SignerBindingStatus, TargetStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::model::applied::{Applied, Written};
use crate::model::injection::Verdict;
use crate::model::observed::Observed;
use crate::model::report::Report;

pub use contested::says_contested;
pub use events::{
    TOLD_OF_WARNINGS, TOLD_OF_WRITES, ToldOfWrite, contested_notice, is_told, is_warning, let_go_notice,
    not_let_go_notice, removal_notice, status_refused_notice,
};
pub use leaving::removal_refused;

/// Reports the results of validation and writes.
pub fn report(observed: &Observed, verdict: &Verdict, applied: &Applied, now: &Time) -> Report {
    let binding = &observed.binding;
    let old = binding.status.clone().unwrap_or_default();
    let mut reported: Vec<_> = (0..observed.targets.len())
        .map(|index| target::report(observed, verdict, applied, &old, index))
        .collect();
    let mut combined = aggregate::aggregate(observed, verdict, &reported);
    if let Some(other) = &observed.other_operator {
        contested::tell(&mut combined, other);
    }
    let [.., ready] = &combined;
    let outlook = kstatus::kstatus(ready);
    let update = update::state(observed, applied);
    let conditions = types::ALL.iter().zip(combined.iter().chain(&outlook).chain([&update]));
    let conditions = conditions
        .map(|(type_, state)| condition::condition(type_, state, &old, binding.metadata.generation, now))
        .collect();
    // The condition Accepted reports these. Without an entry in the status, each reconcile would report them again.
    let beyond = observed.beyond_the_limit();
    reported.retain(|target| !beyond.contains(target.status.name.as_str()));
    let targets = reported
        .iter()
        .filter(|target| !matches!(target.written, Written::Removal(_)))
        .map(|target| target.status.clone())
        .collect();
    let reading = key::reading(observed, applied, &reported, &old);
    let status = SignerBindingStatus {
        // The operator that writes the status adds its name.
        operator: old.operator.clone(),
        observed_generation: binding.metadata.generation,
        conditions,
        public_key: reading.public_key,
        address: reading.address,
        selector: binding.spec.target.selector.as_ref().map(ToString::to_string),
        pods: pods(
            reported
                .iter()
                .filter(|target| target.is_selected)
                .map(|target| &target.status),
        ),
        effective: Some(Effective {
            key: reading.key,
            ..verdict.effective.clone()
        }),
        plan: update::plan(applied),
        deleted_deployments: latest(&observed.deleted),
        annotated_service_accounts: identity::annotated(observed, verdict, applied, &old),
        warnings: warnings::warnings(observed, applied, now),
        targets,
    };
    Report {
        notices: events::notices(&old, &status, &reported),
        status,
    }
}

/// As many as the schema allows. The oldest are forgotten, so that generated names do not accumulate.
fn latest(deleted: &[DeletedDeployment]) -> Vec<DeletedDeployment> {
    deleted[deleted.len().saturating_sub(MOST_TARGETS)..].to_vec()
}

/// Ready and wanted pods, over all injected Deployments.
fn pods<'a>(targets: impl Iterator<Item = &'a TargetStatus>) -> Option<String> {
    let (mut is_injected, mut ready, mut wanted) = (false, 0_i64, 0_i64);
    for target in targets {
        is_injected |= target.injected;
        ready += i64::from(target.ready);
        wanted += i64::from(target.pods);
    }
    is_injected.then(|| format!("{ready}/{wanted}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_deleted_deployments_are_forgotten() {
        let deleted: Vec<_> = (0..=MOST_TARGETS)
            .map(|number| DeletedDeployment {
                name: number.to_string(),
                last_hash: "h".to_owned(),
            })
            .collect();
        assert_eq!(latest(&deleted[..1]), deleted[..1]);
        assert_eq!(latest(&deleted), deleted[1..]);
    }
}
