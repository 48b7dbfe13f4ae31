//! Which Events to write: one per transition, none at steady state.

use crds::SignerBindingStatus;
use crds::conditions::{reasons, types};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::shorten;
use crate::controller::apply::removal::Removed;
use crate::controller::apply::{Applied, Written};

/// An Event to write, on the binding and on its Deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    pub is_warning: bool,
    pub reason: String,
    pub action: &'static str,
    pub note: String,
}

/// The API server's bound on a note.
const LONGEST_NOTE: usize = 1000;

pub fn notices(old: &SignerBindingStatus, new: &SignerBindingStatus, applied: &Applied) -> Vec<Notice> {
    let mut notices: Vec<_> = of_write(applied.written).into_iter().collect();
    for condition in &new.conditions {
        let before = old.conditions.iter().find(|other| other.type_ == condition.type_);
        if before.is_some_and(|before| before.status == condition.status && before.reason == condition.reason) {
            continue;
        }
        if is_told(condition) {
            notices.push(Notice {
                is_warning: condition.status != "True",
                reason: condition.reason.clone(),
                action: "Reconcile",
                note: shorten(&condition.message, LONGEST_NOTE),
            });
        }
    }
    notices
}

/// What to tell about a removal; nothing if there was nothing to remove.
pub fn removal_notice(removed: Removed) -> Option<Notice> {
    let note = match removed {
        Removed { kept: true, .. } => {
            "the binding is gone, but another manager's manifest carries parts of the signer, which stay: remove them there"
        }
        Removed { changed: true, .. } => "took the signer and the node's variables out of the pod template",
        Removed { .. } => return None,
    };
    Some(Notice {
        is_warning: removed.kept,
        reason: "Removed".to_owned(),
        action: "Remove",
        note: note.to_owned(),
    })
}

fn of_write(written: Written) -> Option<Notice> {
    match written {
        Written::Nothing => None,
        Written::Repair => Some(Notice {
            is_warning: true,
            reason: "DriftRepaired".to_owned(),
            action: "Repair",
            note: "put back the injected signer, which somebody had changed".to_owned(),
        }),
        Written::Injection => Some(Notice {
            is_warning: false,
            reason: reasons::INJECTED.to_owned(),
            action: "Inject",
            note: "wrote the signer and the node's variables into the pod template".to_owned(),
        }),
    }
}

/// What follows from another condition, or is only on its way, is not told.
fn is_told(condition: &Condition) -> bool {
    let follows = [
        reasons::NOT_ACCEPTED,
        reasons::TOKEN_NOT_READY,
        reasons::NOT_INJECTED,
        reasons::PROGRESSING,
    ];
    let is_true = condition.status == "True";
    match condition.type_.as_str() {
        types::ROLLED_OUT => is_true || !follows.contains(&condition.reason.as_str()),
        types::READY => false,
        _ => !is_true && !follows.contains(&condition.reason.as_str()),
    }
}
