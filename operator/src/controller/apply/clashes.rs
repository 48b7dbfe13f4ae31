//! Fields that server-side apply cannot replace, because another manager owns a source of another kind there: a rollback from a
//! key service to a key in a Secret, or back. One JSON patch corrects them before the apply.

use super::conflict::Conflict;
use super::rejected::rejected;
use super::writer::Writer;
use super::{force, json_patch};
use crate::model::deployment::LiveDeployment;
use crate::model::error::Error;
use crate::model::reason::Reason;
use crate::model::rendered::Rendered;
use crate::template::clash::{self, Clash};

/// The fields that may be replaced: all, or none if a manifest owns one of them.
pub fn replaceable(live: &LiveDeployment, rendered: &Rendered) -> Vec<Clash> {
    let clashes = clash::of(live, &rendered.deployment);
    let conflicts: Vec<_> = clashes
        .iter()
        .flat_map(|clash| {
            let conflict = |manager: &String| Conflict {
                field: clash.field.clone(),
                manager: manager.clone(),
            };
            clash.managers.iter().map(conflict)
        })
        .collect();
    if conflicts.is_empty() || force::may_force(&conflicts, live, &rendered.deployment) {
        clashes
    } else {
        vec![]
    }
}

/// Replaces them, and returns the changed Deployment. None if there is nothing to replace.
pub async fn replace(
    writer: &Writer,
    live: &LiveDeployment,
    rendered: &Rendered,
) -> Result<Result<Option<LiveDeployment>, Reason>, Error> {
    let clashes = replaceable(live, rendered);
    if clashes.is_empty() || !writer.ledger.may_force(live.uid()) {
        return Ok(Ok(None));
    }
    let attempt = "replace fields with a source of another kind";
    match json_patch::send(writer, live, attempt, clash::operations(&clashes)).await {
        Ok(after) => Ok(Ok(Some(after))),
        Err(error) => match error.refusal() {
            Some(status) => Ok(Err(rejected(status))),
            None => Err(error),
        },
    }
}
