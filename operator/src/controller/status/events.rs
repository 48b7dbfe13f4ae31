//! Chooses the Events to write: one per transition, none in a steady state.

use crds::conditions::{reasons, types, warnings};
use crds::{SignerBindingStatus, TargetStatus, Warning, WrittenBy};

use super::contested;
use super::target::Reported;
use crate::model::applied::{ChangedBy, Removed, Written};
use crate::model::report::Notice;
use crate::model::text::shorten;

/// The Event about a write to a Deployment, on it and on its binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ToldOfWrite {
    pub reason: &'static str,
    pub is_warning: bool,
    pub action: &'static str,
    pub note: &'static str,
}

const INJECTION: ToldOfWrite = ToldOfWrite {
    reason: reasons::INJECTED,
    is_warning: false,
    action: "Inject",
    note: "Injected the signer and the node's variables into the pod template",
};
const REPAIR: ToldOfWrite = ToldOfWrite {
    reason: "DriftRepaired",
    is_warning: true,
    action: "Repair",
    note: "Put back the injected signer, which field manager MANAGER had changed. Keep it from writing there. If parts were only removed, the API server records nobody, and the last other writer is named",
};
const REMOVAL: ToldOfWrite = ToldOfWrite {
    reason: "Removed",
    is_warning: false,
    action: "Remove",
    note: "Removed the signer and the node's variables from the pod template",
};
const REMOVAL_IN_PART: ToldOfWrite = ToldOfWrite {
    is_warning: true,
    note: "The binding releases the Deployment, but the manifest of another field manager still contains parts of the signer. Remove them there",
    ..REMOVAL
};
const REMOVAL_BUT_THE_SERVICE: ToldOfWrite = ToldOfWrite {
    is_warning: true,
    note: "The signer was removed from the pod template, but the API server refuses to delete its metrics Service. Delete it yourself, or delete the Deployment, which owns it",
    ..REMOVAL
};

const RESUMED: ToldOfWrite = ToldOfWrite {
    reason: "Resumed",
    is_warning: false,
    action: "Resume",
    note: "Resumed the Deployment: it was held for its signer, which is now injected",
};
const LET_GO: ToldOfWrite = ToldOfWrite {
    reason: "LetGo",
    is_warning: true,
    action: "Resume",
    note: "Resumed the Deployment: it was held for its signer, and no SignerBinding names it any more. Its pods start with the current template",
};

/// All Events about writes.
pub const TOLD_OF_WRITES: [ToldOfWrite; 7] = [
    REPAIR,
    INJECTION,
    RESUMED,
    LET_GO,
    REMOVAL,
    REMOVAL_IN_PART,
    REMOVAL_BUT_THE_SERVICE,
];

/// Warnings that are also reported as Events, because a person must allow a write.
pub const TOLD_OF_WARNINGS: [&str; 2] = [warnings::SERVICE_NOT_WRITTEN, warnings::WRITE_REFUSED];

/// The API server's limit on a note.
pub const LONGEST_NOTE: usize = 1000;

pub fn notices(old: &SignerBindingStatus, new: &SignerBindingStatus, targets: &[Reported]) -> Vec<Notice> {
    let mut notices: Vec<_> = targets.iter().flat_map(|target| of_target(old, target)).collect();
    let only = match targets {
        [only] => Some(only.status.name.clone()),
        _ => None,
    };
    for condition in &new.conditions {
        let before = old.conditions.iter().find(|other| other.type_ == condition.type_);
        if before.is_some_and(|before| before.status == condition.status && before.reason == condition.reason) {
            continue;
        }
        if is_told(&condition.type_, &condition.status, &condition.reason) {
            notices.push(Notice {
                deployment: only.clone(),
                is_on_binding: true,
                is_warning: is_warning(&condition.status, &condition.reason),
                reason: condition.reason.clone(),
                action: "Reconcile",
                note: shorten(&condition.message, LONGEST_NOTE),
            });
        }
    }
    notices.extend(new.warnings.iter().filter_map(|warning| of_warning(old, warning)));
    if only.is_none() {
        notices.extend(targets.iter().filter_map(|target| of_one_among_others(old, target)));
    }
    notices
}

/// Events about one Deployment.
fn of_target(old: &SignerBindingStatus, target: &Reported) -> Vec<Notice> {
    let name = &target.status.name;
    let was = old.targets.iter().find(|before| before.name == *name);
    let reason = &target.status.reason;
    // For a selected Deployment, the conditions report the refusal.
    let departs = reason == reasons::NO_LONGER_SELECTED || (reason == reasons::REJECTED && !target.is_selected);
    let is_news = was.is_none_or(|before| before.reason != *reason);
    let departed = (departs && is_news).then(|| Notice {
        deployment: Some(name.clone()),
        is_on_binding: true,
        is_warning: true,
        reason: reason.clone(),
        action: "Reconcile",
        note: shorten(&target.status.message, LONGEST_NOTE),
    });
    let resumed = target.resumed.then(|| of_told(name, RESUMED));
    departed
        .into_iter()
        .chain(of_write(name, target.written, target.changed_by.as_ref()))
        .chain(resumed)
        .collect()
}

/// With many Deployments, the conditions describe only the first failing one. Each Deployment gets an Event of its own.
fn of_one_among_others(old: &SignerBindingStatus, target: &Reported) -> Option<Notice> {
    let TargetStatus {
        name, reason, message, ..
    } = &target.status;
    let was = old.targets.iter().find(|before| before.name == *name);
    let is_new = was.is_none_or(|before| before.reason != *reason);
    let failing = target.states.iter().find(|state| state.is_false())?;
    (is_new && target.is_selected && !FOLLOWS.contains(&failing.reason.code)).then(|| Notice {
        deployment: Some(name.clone()),
        is_on_binding: false,
        is_warning: is_warning("False", reason),
        reason: reason.clone(),
        action: "Reconcile",
        note: shorten(message, LONGEST_NOTE),
    })
}

/// The Event about a removal. None if there was nothing to remove.
pub fn removal_notice(deployment: &str, removed: Removed) -> Option<Notice> {
    let told = match removed {
        Removed { kept: true, .. } => REMOVAL_IN_PART,
        Removed {
            service_stays: true, ..
        } => REMOVAL_BUT_THE_SERVICE,
        Removed { changed: true, .. } => REMOVAL,
        Removed { .. } => return None,
    };
    Some(of_told(deployment, told))
}

/// The Event about a Deployment that is resumed because no binding names it.
pub fn let_go_notice(deployment: &str) -> Notice {
    of_told(deployment, LET_GO)
}

/// The Event about a Deployment without a SignerBinding that could not be resumed.
pub fn not_let_go_notice(refusal: &str) -> Notice {
    Notice {
        deployment: None,
        is_on_binding: false,
        is_warning: true,
        reason: reasons::REJECTED.to_owned(),
        action: "Resume",
        note: shorten(
            &format!(
                "This Deployment is held for its signer, no SignerBinding names it any more, and it cannot be resumed: {refusal}"
            ),
            LONGEST_NOTE,
        ),
    }
}

/// The Event about a status that could not be written.
pub fn status_refused_notice(refusal: &str) -> Notice {
    Notice {
        deployment: None,
        is_on_binding: true,
        is_warning: true,
        reason: reasons::REJECTED.to_owned(),
        action: "Reconcile",
        note: shorten(
            &format!("The status of this SignerBinding is out of date and cannot be written: {refusal}"),
            LONGEST_NOTE,
        ),
    }
}

fn of_warning(old: &SignerBindingStatus, warning: &Warning) -> Option<Notice> {
    let is_the_same = |before: &Warning| before.reason == warning.reason && before.target == warning.target;
    let is_told = TOLD_OF_WARNINGS.contains(&warning.reason.as_str()) && !old.warnings.iter().any(is_the_same);
    is_told.then(|| Notice {
        deployment: Some(warning.target.clone()),
        is_on_binding: true,
        is_warning: true,
        reason: warning.reason.clone(),
        action: "Reconcile",
        note: shorten(&warning.message, LONGEST_NOTE),
    })
}

/// The Event about another operator, from the one that leaves the binding to it.
pub fn contested_notice(other: Option<&WrittenBy>) -> Notice {
    Notice {
        deployment: None,
        is_on_binding: true,
        is_warning: true,
        reason: reasons::CONTESTED.to_owned(),
        action: "Reconcile",
        note: format!(
            "Another operator {} also writes this binding, and this operator leaves it alone. Keep one of them: uninstall the other, or let each watch namespaces of its own",
            contested::who(other)
        ),
    }
}

fn of_write(deployment: &str, written: Written, changed_by: Option<&ChangedBy>) -> Option<Notice> {
    match written {
        Written::Nothing => None,
        Written::Removal(removed) => removal_notice(deployment, removed),
        Written::Repair => Some(Notice {
            note: shorten(&put_back(changed_by), LONGEST_NOTE),
            ..of_told(deployment, REPAIR)
        }),
        Written::Injection => Some(of_told(deployment, INJECTION)),
    }
}

fn put_back(changed_by: Option<&ChangedBy>) -> String {
    match changed_by {
        Some(ChangedBy::Managers(managers)) => {
            let (managers_are, them) = if managers.len() == 1 {
                ("field manager", "it")
            } else {
                ("field managers", "them")
            };
            format!(
                "Put back the injected signer, which {managers_are} {} had changed. Keep {them} from writing there",
                managers.join(", ")
            )
        }
        Some(ChangedBy::Unrecorded(Some(last))) => format!(
            "Put back parts of the injected signer that had been removed. The API server does not record by whom; the last other writer is field manager {last}"
        ),
        Some(ChangedBy::Unrecorded(None)) | None => "Put back parts of the injected signer that had been removed. The API server does not record by whom; its audit log does".to_owned(),
    }
}

fn of_told(deployment: &str, told: ToldOfWrite) -> Notice {
    Notice {
        deployment: Some(deployment.to_owned()),
        is_on_binding: true,
        is_warning: told.is_warning,
        reason: told.reason.to_owned(),
        action: told.action,
        note: told.note.to_owned(),
    }
}

/// Reasons that follow from another condition, or will resolve without action.
const FOLLOWS: [&str; 5] = [
    reasons::NOT_ACCEPTED,
    reasons::TOKEN_NOT_READY,
    reasons::IDENTITY_NOT_READY,
    reasons::NOT_INJECTED,
    reasons::PROGRESSING,
];

/// Reasons that a person has asked for.
const WANTED: [&str; 4] = [
    reasons::APPROVAL_PENDING,
    reasons::DEPLOYMENT_PAUSED,
    reasons::ROLLOUT_QUEUED,
    reasons::SUSPENDED,
];

/// Whether the Event of a condition is a warning: the state is neither good nor wanted.
pub fn is_warning(status: &str, reason: &str) -> bool {
    status != "True" && !WANTED.contains(&reason)
}

/// Whether the change of a condition to this state is reported as an Event.
pub fn is_told(condition: &str, status: &str, reason: &str) -> bool {
    let is_true = status == "True";
    match condition {
        types::ROLLED_OUT => is_true || !FOLLOWS.contains(&reason),
        types::READY | types::RECONCILING | types::STALLED => false,
        // Also when it becomes true again, because the failure was reported.
        types::SIGNING => status != "Unknown",
        types::UPDATE_AVAILABLE => is_true,
        _ => status == "False" && !FOLLOWS.contains(&reason),
    }
}
