//! The Events that the operator writes.

use std::collections::BTreeMap;

use crds::conditions::reasons;
use crds::occurrences;
use operator::controller::status::{TOLD_OF_WARNINGS, TOLD_OF_WRITES, is_told, is_warning};

use super::table::{code, sentence, table};

fn kind(is_warning: bool) -> String {
    let kind = if is_warning { "Warning" } else { "Normal" };
    kind.to_owned()
}

pub fn page() -> String {
    let writes = TOLD_OF_WRITES.map(|told| [code(told.reason), kind(told.is_warning), sentence(told.note)]);
    let mut conditions: BTreeMap<(&str, bool), Vec<&str>> = BTreeMap::new();
    for row in &occurrences::ALL {
        for reason in row
            .reasons
            .iter()
            .filter(|reason| is_told(row.condition, row.status, reason))
        {
            let is_warning = is_warning(row.status, reason);
            conditions.entry((*reason, is_warning)).or_default().push(row.condition);
        }
    }
    let conditions = conditions.into_iter().map(|((reason, is_warning), types)| {
        let types: Vec<_> = types.into_iter().map(code).collect();
        [code(reason), kind(is_warning), types.join(", ")]
    });
    format!(
        "The operator writes an Event when something changes. `kubectl describe` shows them on the SignerBinding and on the \
         Deployment. To list them: `kubectl get events --field-selector=reportingComponent=signer-operator`.\n\n\
         ## Of a write\n\nOn the Deployment and on its binding.\n\n{}\
         ## Of a condition\n\nOn the binding when the condition gets this reason, and on its Deployment if it has only one. The note is the \
         condition's message. If a binding has several Deployments, each failing one has its own Event, with the reason in `status.targets`. The \
         meanings: [Conditions](conditions.md).\n\n{}\
         ## Of a Deployment that departs\n\nOn the Deployment and on the binding that selected it.\n\n{}\
         ## Of a refused write\n\nOn the binding, and on the affected Deployment. The note has the API server's text. The operator also writes \
         `Rejected` if no condition can report the problem: for a binding that is being deleted, a held Deployment that cannot be resumed, or a status that \
         cannot be written. The others are also [warnings](conditions.md).\n\n{}",
        table(["reason", "type", "note"], writes),
        table(["reason", "type", "condition"], conditions),
        table(["reason", "type"], [[code(reasons::NO_LONGER_SELECTED), kind(true)]]),
        table(
            ["reason", "type"],
            [reasons::REJECTED, TOLD_OF_WARNINGS[0], TOLD_OF_WARNINGS[1]].map(|reason| [code(reason), kind(true)])
        ),
    )
}
