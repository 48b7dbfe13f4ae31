//! Writes the injection into a Deployment.

use std::time::Duration;

use crds::names::FIELD_MANAGER;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::patched::Patched;
use super::rejected::rejected;
use super::writer::{Write, Writer, wish};
use super::{additions, clashes, conflict, diff, force};
use crate::cluster::{CALL_DEADLINE, deadline, live as live_of};
use crate::model::applied::Written;
use crate::model::deployment::LiveDeployment;
use crate::model::error::{Error, refuses};
use crate::model::reason::Reason;
use crate::model::rendered::Rendered;
use crate::telemetry::Kind;
use crate::template::clash;
use crate::template::intact::{is_carried, is_intact};
use crate::template::merge;
use crate::template::ours::fingerprint;

/// The pause before an apply is repeated because the Deployment's status has changed.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(320);

/// Whether the rendering is in place, as rendered or as an admission plugin changed it.
pub fn is_in_place(writer: &Writer, live: &LiveDeployment, rendered: &Rendered) -> bool {
    is_intact(live, rendered) || is_settled(writer, live, rendered)
}

fn is_settled(writer: &Writer, live: &LiveDeployment, rendered: &Rendered) -> bool {
    let ledger = &writer.ledger;
    ledger.is_settled(live.uid(), &rendered.hash, live.generation(), &fingerprint(live))
}

fn keep(writer: &Writer, live: &LiveDeployment, rendered: &Rendered) {
    let ledger = &writer.ledger;
    ledger.applied(live.uid(), &rendered.hash, live.generation(), &fingerprint(live));
}

/// The changes of the operator's fields that an apply would make. The API server is asked once for each rendering and
/// state of the Deployment.
pub async fn dry_run(
    writer: &Writer,
    live: &LiveDeployment,
    rendered: &Rendered,
) -> Result<Result<String, Reason>, Error> {
    let (uid, hash, generation) = (live.uid(), &rendered.hash, live.generation());
    if let Some(known) = writer.ledger.diff(uid, hash, generation) {
        return Ok(known);
    }
    let clashes = clashes::replaceable(live, rendered);
    let mut result = if clashes.is_empty() {
        try_out(writer, live, &rendered.deployment, false).await
    } else {
        // The API server would refuse the apply before the clashing fields are replaced.
        let mut after = clash::replaced(live, &clashes);
        merge::apply(&mut after["spec"], &rendered.deployment["spec"]);
        Ok(LiveDeployment::new(after))
    };
    let is_to_be_forced = |error: &Error| {
        let status = error.response().filter(|status| status.is_conflict());
        status.is_some_and(|status| force::may_force(&conflict::conflicts(status), live, &rendered.deployment))
    };
    if result.as_ref().is_err_and(is_to_be_forced) {
        result = try_out(writer, live, &rendered.deployment, true).await;
    }
    let diff = match result {
        Ok(after) => Ok(diff::diff(live, &after, &rendered.node_container)),
        Err(error) => match error.response() {
            Some(status) if conflict::is_another_object(status) => return Err(Error::Changed("the Deployment")),
            Some(status) if refuses(status) => Err(rejected(status)),
            Some(status) if status.is_conflict() => {
                let conflicts = conflict::conflicts(status);
                if conflicts.is_empty() {
                    return Err(Error::Changed("the Deployment"));
                }
                Err(conflict::refusal(&conflicts))
            }
            _ => return Err(error),
        },
    };
    writer.ledger.keep_diff(uid, hash, generation, diff.clone());
    Ok(diff)
}

/// A dry run of the apply, including its force, that writes nothing.
pub async fn try_out(
    writer: &Writer,
    live: &LiveDeployment,
    body: &Value,
    force: bool,
) -> Result<LiveDeployment, Error> {
    let api = writer.cluster.deployments(live.namespace());
    let mut parameters = PatchParams::apply(FIELD_MANAGER);
    parameters.dry_run = true;
    parameters.force = force;
    let patch = Patch::Apply(body);
    let result = api.patch(live.name(), &parameters, &patch);
    let after = deadline("try the change of the Deployment", result).await?;
    live_of(&after)
}

/// Applies the rendered fields unless they are in place. Returns the resulting Deployment. `is_altered` says that the write also
/// repairs the rendering of an earlier operator version.
pub async fn apply(
    writer: &Writer,
    live: &LiveDeployment,
    rendered: &Rendered,
    is_altered: bool,
) -> Result<(LiveDeployment, Result<Written, Reason>), Error> {
    if is_intact(live, rendered) {
        keep(writer, live, rendered);
        return Ok((live.clone(), Ok(Written::Nothing)));
    }
    if is_settled(writer, live, rendered) {
        return Ok((live.clone(), Ok(Written::Nothing)));
    }
    let written = if is_altered || writer.ledger.was_applied(live.uid(), &rendered.hash) {
        Written::Repair
    } else {
        Written::Injection
    };
    let patched = if is_carried(live, rendered) {
        let after = live.clone();
        Ok(Patched { after, changed: false })
    } else {
        write(writer, live, rendered).await?
    };
    let patched = match patched {
        Ok(patched) => additions::take_out(writer, patched, rendered).await?,
        Err(refusal) => Err(refusal),
    };
    match patched {
        Ok(Patched { after, changed }) => {
            keep(writer, &after, rendered);
            // A write that an admission plugin reverted, or that only recorded ownership, has repaired nothing. A change to a
            // held Deployment was not made by a person.
            let written = match written {
                Written::Repair if after.generation() == live.generation() || live.is_held() => Written::Nothing,
                written if changed => written,
                _ => Written::Nothing,
            };
            Ok((after, Ok(written)))
        }
        Err(refusal) => Ok((live.clone(), Err(refusal))),
    }
}

/// Replaces clashing fields, then applies.
async fn write(writer: &Writer, live: &LiveDeployment, rendered: &Rendered) -> Result<Result<Patched, Reason>, Error> {
    match clashes::replace(writer, live, rendered).await? {
        Ok(None) => apply_over(writer, live, rendered).await,
        Ok(Some(cleared)) => {
            writer.ledger.forced(live.uid());
            let patched = apply_over(writer, &cleared, rendered).await?;
            Ok(patched.map(|Patched { after, .. }| Patched { after, changed: true }))
        }
        Err(refusal) => Ok(Err(refusal)),
    }
}

/// Applies without force first, and with force only where that is allowed.
async fn apply_over(
    writer: &Writer,
    live: &LiveDeployment,
    rendered: &Rendered,
) -> Result<Result<Patched, Reason>, Error> {
    let error = match patch(writer, live, &rendered.deployment, false).await {
        Ok(after) => return Ok(Ok(after)),
        Err(error) => error,
    };
    let Some(status) = error.response() else {
        return Err(error);
    };
    if conflict::is_another_object(status) {
        return Err(Error::Changed("the Deployment"));
    }
    if refuses(status) {
        return Ok(Err(rejected(status)));
    }
    if !status.is_conflict() {
        return Err(error);
    }
    let conflicts = conflict::conflicts(status);
    if conflicts.is_empty() {
        return Err(Error::Changed("the Deployment"));
    }
    if !force::may_force(&conflicts, live, &rendered.deployment) {
        return Ok(Err(conflict::refusal(&conflicts)));
    }
    if !writer.ledger.may_force(live.uid()) {
        return Ok(Err(conflict::contested("the injected signer", &conflicts)));
    }
    match patch(writer, live, &rendered.deployment, true).await {
        Ok(after) => {
            writer.ledger.forced(live.uid());
            Ok(Ok(after))
        }
        Err(error) if error.is_conflict() => Err(Error::Changed("the Deployment")),
        Err(error) => match error.response() {
            Some(status) if refuses(status) => Ok(Err(rejected(status))),
            _ => Err(error),
        },
    }
}

/// One server-side apply with the operator's field manager, bound to the version that was read: if the operator has
/// given up on a request, the request must not undo later writes when it arrives. If only the status has changed since,
/// which happens constantly while pods start and stop, the apply is repeated for as long as one request may take.
///
/// # Errors
/// Fails if the API server refuses or does not answer, or if the Deployment has changed since it was read.
pub async fn patch(writer: &Writer, live: &LiveDeployment, body: &Value, force: bool) -> Result<Patched, Error> {
    let until = Instant::now() + CALL_DEADLINE;
    let mut body = body.clone();
    let mut version = live.resource_version().to_owned();
    let mut pause = FIRST_PAUSE;
    loop {
        body["metadata"]["resourceVersion"] = json!(version);
        let conflict = match patch_once(writer, live, &body, force).await {
            // Force was allowed because of the field owners, which may change with the version.
            Err(error)
                if !force
                    && error.is_conflict()
                    && !error.is_paused()
                    && !conflict::is_about_fields(&error)
                    && Instant::now() + pause < until =>
            {
                error
            }
            result => {
                let after = result?;
                let changed = after.resource_version() != version;
                return Ok(Patched { after, changed });
            }
        };
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
        let now = writer.cluster.deployment(live.namespace(), live.name()).await?;
        match now.filter(|now| is_same_but_for_status(live, now)) {
            // The version is the current one: a webhook gave this answer.
            Some(now) if now.resource_version() == version => return Err(conflict),
            Some(now) => now.resource_version().clone_into(&mut version),
            None => return Err(Error::Changed("the Deployment")),
        }
    }
}

pub fn is_same_but_for_status(live: &LiveDeployment, now: &LiveDeployment) -> bool {
    let identity = |live: &LiveDeployment| (live.uid().to_owned(), live.generation(), live.labels());
    identity(live) == identity(now) && live.is_terminating() == now.is_terminating()
}

fn write_of<'a>(live: &'a LiveDeployment, body: &Value) -> Write<'a> {
    Write {
        kind: Kind::Deployment,
        namespace: live.namespace(),
        name: live.name(),
        uid: live.uid(),
        attempt: "apply the Deployment",
        wish: wish(body),
        has_tests: false,
    }
}

/// Allows a refused apply to be sent again immediately, because the operator has changed the Deployment.
pub fn ask_again(writer: &Writer, live: &LiveDeployment, body: &Value) {
    writer.ask_again(&write_of(live, body));
}

async fn patch_once(
    writer: &Writer,
    live: &LiveDeployment,
    body: &Value,
    force: bool,
) -> Result<LiveDeployment, Error> {
    let api = writer.cluster.deployments(live.namespace());
    let mut parameters = PatchParams::apply(FIELD_MANAGER);
    parameters.force = force;
    let patch = Patch::Apply(body);
    let write = write_of(live, body);
    let after = writer.send(&write, api.patch(live.name(), &parameters, &patch)).await?;
    live_of(&after)
}
