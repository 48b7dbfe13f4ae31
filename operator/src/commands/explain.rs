//! `operator explain`: why a Deployment has a signer or not.

use std::fmt::Write as _;
use std::sync::Arc;

use crds::SignerBinding;
use crds::conditions::{reasons, types};
use kube::{Client, ResourceExt};

use super::failure::Failure;
use super::subject::{DeploymentArgs, Subject};
use crate::backends;
use crate::controller::context::Context;
use crate::controller::observe;
use crate::controller::plan;
use crate::controller::render;
use crate::controller::validate;
use crate::model::binding::{has_finalizer, recorded_hash, was_injected};
use crate::model::deployment::LiveDeployment;
use crate::model::observed::Selection;
use crate::model::plan::{Gate, Planned};
use crate::model::reason::Reason;
use crate::model::settings::Settings;
use crate::template::intact::is_intact;
use crate::template::voter::{key_of, key_of_backend};

/// Reads and decides as the operator does, and explains the result. Writes nothing.
///
/// # Errors
/// The Deployment does not exist, or the API server does not answer.
pub async fn explain(arguments: DeploymentArgs) -> Result<String, Failure> {
    told_of(Subject::of(arguments).await?).await
}

/// Explains the Deployment as [`explain`] does, with an existing client.
///
/// # Errors
/// The Deployment does not exist, or the API server does not answer.
pub async fn explain_in(client: Client, settings: Settings, namespace: &str, name: &str) -> Result<String, Failure> {
    told_of(Subject::with(client, settings, namespace, name).await?).await
}

async fn told_of(subject: Subject) -> Result<String, Failure> {
    let Subject {
        context,
        namespace,
        name,
    } = subject;
    let live = context.sources.cluster.deployment(&namespace, &name).await?;
    let live = live.ok_or_else(|| Failure::no_such_deployment(&namespace, &name))?;
    let mut text = what_it_is(&live);
    let (concerned, others): (Vec<_>, Vec<_>) = bindings(&context)
        .into_iter()
        .partition(|binding| is_about(binding, &live));
    for binding in &concerned {
        text += &binding_text(&context, binding.clone(), &name).await;
    }
    if concerned.is_empty() {
        text += &nobody(&live, &others);
    }
    Ok(text)
}

fn what_it_is(live: &LiveDeployment) -> String {
    let carries = match (live.owns_signer(), live.signer().is_some(), live.injected_hash()) {
        (true, _, Some(hash)) => format!("carries the operator's signer, rendered as {hash}"),
        (true, _, None) => "carries the operator's signer, but its annotation was removed".to_owned(),
        (false, true, Some(_)) => {
            "carries a signer with the operator's annotation that was not written by it: a copy or a restored backup"
                .to_owned()
        }
        (false, true, None) => "carries a native sidecar `signer` that is not the operator's".to_owned(),
        (false, false, _) => "carries no signer of the operator".to_owned(),
    };
    let paused = match (live.is_held(), live.is_paused()) {
        (true, _) => ", is held (paused since it was created, until its signer is injected)",
        (false, true) => ", is paused",
        (false, false) => "",
    };
    format!("Deployment {}/{} {carries}{paused}.\n", live.namespace(), live.name())
}

fn bindings(context: &Context) -> Vec<Arc<SignerBinding>> {
    let mut all: Vec<_> = context
        .stores
        .bindings
        .state()
        .iter()
        .filter_map(|guarded| guarded.0.as_ref().ok().cloned())
        .map(Arc::new)
        .collect();
    all.sort_by_key(|binding| (binding.creation_timestamp().map(|time| time.0), binding.name_any()));
    all
}

/// Whether the binding names the Deployment, or has reported about it.
fn is_about(binding: &SignerBinding, live: &LiveDeployment) -> bool {
    binding.spec.target.selects(live.name(), &live.labels()) || was_injected(binding, live.name())
}

async fn binding_text(context: &Context, binding: Arc<SignerBinding>, name: &str) -> String {
    let mut text = format!("\nSignerBinding {}:\n", binding.name_any());
    let mut say = |about: &str, words: String| {
        let _ = writeln!(text, "  {about:<10} {words}");
    };
    if binding.metadata.deletion_timestamp.is_some() {
        let words = if has_finalizer(&binding) {
            "is being deleted. The operator restores its Deployments first"
        } else {
            "is being deleted"
        };
        say("deletion", words.to_owned());
    }
    match observe::observe(&context.sources, binding.clone()).await {
        Err(error) => say("error", format!("{error}")),
        Ok(observed) => {
            let verdict = validate::validate(&observed, &context.settings);
            let rendered = render::render_all(&verdict);
            let plan = plan::plan(&observed, rendered, &context.settings, |_, _| false);
            let at = observed.targets.iter().position(|target| target.name == name);
            match at.map(|at| (&observed.targets[at], &verdict.targets[at], &plan.targets[at])) {
                None => say("target", "another binding now names this Deployment".to_owned()),
                Some((target, decided, planned)) => {
                    say("target", selection(&binding, target.selection));
                    let accepted = decided.accepted.as_ref();
                    say("accepted", accepted.map_or_else(told, |()| "yes".to_owned()));
                    match &verdict.token {
                        Ok(state) => say("token", format!("ready ({}): {}", state.code, state.message)),
                        Err(refusal) => say("token", told(refusal)),
                    }
                    say("injection", injection(&binding, planned, target.deployment.as_ref()));
                }
            }
        }
    }
    let warnings = binding.status.iter().flat_map(|status| &status.warnings);
    let warned: Vec<_> = warnings
        .filter(|warning| [name, ""].contains(&warning.target.as_str()))
        .map(|warning| format!("{}: {}", warning.reason, warning.message))
        .collect();
    match binding.status.as_ref().map(|status| &status.conditions) {
        Some(conditions) if !conditions.is_empty() => {
            for condition in conditions {
                let words = format!(
                    "{}={} ({}): {}",
                    condition.type_, condition.status, condition.reason, condition.message
                );
                say("reported", words);
            }
        }
        _ => say(
            "reported",
            "nothing yet: no operator has reconciled this binding. Check whether one is running".to_owned(),
        ),
    }
    for words in warned {
        say("warning", words);
    }
    text
}

/// Whether the operator tried a pod with this spec and the API server refused it. This command creates no pod, not even as a dry
/// run.
fn pod_was_rejected(binding: &SignerBinding) -> bool {
    let status = binding.status.as_ref();
    let mut conditions = status.into_iter().flat_map(|status| &status.conditions);
    conditions.any(|condition| {
        condition.type_ == types::INJECTED
            && condition.reason == reasons::POD_REJECTED
            && condition.observed_generation == binding.metadata.generation
    })
}

fn injection(binding: &SignerBinding, planned: &Result<Planned, Reason>, live: Option<&LiveDeployment>) -> String {
    let Planned { rendered, gate, .. } = match planned {
        Ok(planned) => planned,
        Err(refusal) => return told(refusal),
    };
    if live.is_some_and(|live| is_intact(live, rendered)) {
        return "present, exactly as the operator would write it".to_owned();
    }
    let hash = Some(rendered.hash.as_str());
    if live.is_some_and(|live| live.injected_hash() == hash && recorded_hash(binding, live.name()) == hash) {
        return "present, with differences from what the operator writes: it keeps fields that an admission policy or webhook rewrites on each write, and restores fields that another client has changed".to_owned();
    }
    match gate {
        Gate::Open if pod_was_rejected(binding) => format!(
            "the operator would write {}, but the API server has refused a pod of it, see Injected below. The operator tries again",
            rendered.hash
        ),
        Gate::Open => format!("nothing prevents it: the operator would write {}", rendered.hash),
        Gate::Shut(refusal) | Gate::Approval(refusal) => format!("not now ({}): {}", refusal.code, refusal.message),
        Gate::Update => format!(
            "present as an earlier operator version wrote it. {} is written with the next change, with an approval, or with --upgrades=roll",
            rendered.hash
        ),
    }
}

fn target(binding: &SignerBinding) -> String {
    let target = &binding.spec.target;
    match (&target.name, &target.selector) {
        (Some(name), _) => format!("names Deployment {name}"),
        (None, Some(selector)) => format!("selects {selector}"),
        (None, None) => "names nothing".to_owned(),
    }
}

fn selection(binding: &SignerBinding, selection: Selection) -> String {
    let how = target(binding);
    match selection {
        Selection::Selected => how,
        Selection::Departs => format!("{how}, which this Deployment no longer matches"),
        Selection::LetGo => format!("{how}, which this Deployment no longer matches; it kept its signer"),
    }
}

fn told(refusal: &Reason) -> String {
    format!("no ({}): {}", refusal.code, refusal.message)
}

fn nobody(live: &LiveDeployment, others: &[Arc<SignerBinding>]) -> String {
    let mut text = "\nNo SignerBinding of its namespace names it.\n".to_owned();
    for binding in others {
        let _ = writeln!(text, "  SignerBinding {} {}", binding.name_any(), target(binding));
    }
    if live.is_held() {
        text += "It was held for a binding that is gone or no longer names it. A running operator resumes it within a minute.\n";
    }
    let key = live.signer().and_then(key_of);
    let has_its_key = |binding: &&Arc<SignerBinding>| {
        key.is_some() && backends::of(&binding.spec.key).and_then(key_of_backend) == key
    };
    if let Some(binding) = others.iter().find(has_its_key) {
        let _ = writeln!(
            text,
            "Its signer has the key of SignerBinding {}: two voters with one key vote against each other. Scale it to 0, or give it a key and a\n\
             SignerBinding of its own.",
            binding.name_any()
        );
    }
    if live.owns_signer() {
        let _ = writeln!(
            text,
            "Its binding was deleted with deletionPolicy Retain, or the Deployment no longer matches: the operator does \
            not maintain its signer.\nCreate a binding for it again, or take the signer out: operator remove \
            --namespace {} deployment/{}",
            live.namespace(),
            live.name()
        );
    }
    text
}
