//! A row of the table: a voter, a person's change, and the expected result.

use anyhow::{Context, Result, ensure};
use futures::StreamExt as _;
use serde_json::{Value, json};
use tests::eventually;
use tests::kubeconfig::Answer;
use tests::operated::{Place, SOON, VOTER};
use tests::write::write_by_kubectl;

use super::replica_sets::Watched;
use super::{place, whole};

/// An action of a person.
#[derive(Clone)]
pub enum Step {
    /// A command of kubectl.
    Kubectl(Vec<&'static str>),
    /// Client-side apply of a manifest.
    Apply(fn() -> Value),
    /// Server-side apply of a manifest.
    ApplyServerSide(fn() -> Value),
    /// `kubectl replace` with a manifest.
    Replace(fn() -> Value),
    /// `kubectl create` of a manifest.
    Create(fn() -> Value),
    /// `kubectl replace --force` with a manifest: the old object is deleted.
    ReplaceByForce(fn() -> Value),
    /// A change of the live object, as by `kubectl edit`.
    Edit(fn(&mut Value)),
    /// The binding is deleted and the signer stays, so that the operator repairs nothing.
    Unbind,
    /// Waits until the Deployment controller has seen the last change, and the operator is idle.
    Settle,
}

/// The expected result.
pub enum Expected {
    /// The guard refuses it, with this message.
    Refused(&'static str),
    /// The guard allows it, and the voter has its signer afterwards.
    LetThrough,
    /// The guard allows it. Either no pod of the voter runs, or a user who may do so has removed the signer.
    LetGo,
}

pub struct Row {
    name: &'static str,
    manifest: fn() -> Value,
    before: Vec<Step>,
    edit: Step,
    expected: Expected,
    node: &'static str,
    signer_changes: bool,
}

/// The actual result.
struct Outcome {
    answer: Answer,
    /// The errors in the ReplicaSets that had to start pods.
    started: Vec<String>,
    /// The errors in the final template.
    stays: Vec<String>,
    /// Whether no pod starts from that template.
    is_paused: bool,
}

/// Runs all rows, prints a table of edits and results, and fails with the unexpected ones.
pub async fn run(rows: Vec<Row>) -> Result<()> {
    let outcomes = futures::stream::iter(&rows).map(async |row| (row.name, row.outcome().await));
    let outcomes: Vec<_> = outcomes.buffered(4).collect().await;
    let mut wrong = Vec::new();
    println!("| edit | answer | ReplicaSets with pods | template in the end |\n|---|---|---|---|");
    for (row, (name, outcome)) in rows.iter().zip(outcomes) {
        match outcome {
            Ok(outcome) => {
                let answer = if outcome.answer.succeeded {
                    "let through"
                } else {
                    "refused"
                };
                let told = |faults: &[String]| {
                    if faults.is_empty() {
                        "whole".to_owned()
                    } else {
                        faults.join(", ")
                    }
                };
                println!(
                    "| {name} | {answer} | {} | {} |",
                    told(&outcome.started),
                    told(&outcome.stays)
                );
                if let Err(error) = row.judge(&outcome) {
                    wrong.push(format!("{name}: {error:#}"));
                }
            }
            Err(error) => {
                println!("| {name} | – | – | – |");
                wrong.push(format!("{name}: {error:#}"));
            }
        }
    }
    ensure!(
        wrong.is_empty(),
        "{} rows are not as expected:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    Ok(())
}

impl Row {
    const fn new(name: &'static str, manifest: fn() -> Value, edit: Step, expected: Expected) -> Self {
        let before = Vec::new();
        Self {
            name,
            manifest,
            before,
            edit,
            expected,
            node: "node",
            signer_changes: false,
        }
    }

    pub const fn refused(name: &'static str, manifest: fn() -> Value, edit: Step, words: &'static str) -> Self {
        Self::new(name, manifest, edit, Expected::Refused(words))
    }

    pub const fn let_through(name: &'static str, manifest: fn() -> Value, edit: Step) -> Self {
        Self::new(name, manifest, edit, Expected::LetThrough)
    }

    /// No pod of the voter runs afterwards.
    pub const fn let_go(name: &'static str, manifest: fn() -> Value, edit: Step) -> Self {
        Self::new(name, manifest, edit, Expected::LetGo)
    }

    /// Steps before the edit, which must succeed.
    pub fn after(mut self, before: impl IntoIterator<Item = Step>) -> Self {
        self.before = before.into_iter().collect();
        self
    }

    /// The node's container has this name afterwards.
    pub const fn in_container(mut self, node: &'static str) -> Self {
        self.node = node;
        self
    }

    /// The binding asks for another signer as well.
    pub const fn with_another_signer(mut self) -> Self {
        self.signer_changes = true;
        self
    }

    fn judge(&self, outcome: &Outcome) -> Result<()> {
        let Outcome {
            answer,
            started,
            stays,
            is_paused,
        } = outcome;
        match self.expected {
            Expected::Refused(words) => {
                ensure!(!answer.succeeded, "was let through: {}", answer.stdout);
                let wanted = format!("this change would start Deployment {VOTER} without its signer: ");
                ensure!(
                    answer.stderr.contains(&wanted),
                    "not refused by the guard: {}",
                    answer.stderr
                );
                ensure!(answer.stderr.contains(words), "wanted “{words}”: {}", answer.stderr);
                ensure!(
                    answer.stderr.contains("kubectl "),
                    "says nothing to do: {}",
                    answer.stderr
                );
            }
            Expected::LetThrough | Expected::LetGo => ensure!(answer.succeeded, "was refused: {}", answer.stderr),
        }
        ensure!(started.is_empty(), "pods were started with: {}", started.join(", "));
        let may_stay = matches!(self.expected, Expected::LetGo) || self.is_unbound() || *is_paused;
        ensure!(
            may_stay || stays.is_empty(),
            "the template stays with: {}",
            stays.join(", ")
        );
        Ok(())
    }

    fn is_unbound(&self) -> bool {
        self.before.iter().any(|step| matches!(step, Step::Unbind))
    }

    async fn outcome(&self) -> Result<Outcome> {
        let place = place().await?;
        let injected = injected(&place, (self.manifest)()).await.context("the injection")?;
        let watched = Watched::begin(&place).await?;
        for step in &self.before {
            let answer = step.take(&place).await?;
            ensure!(answer.succeeded, "a step before was refused: {}", answer.stderr);
        }
        let answer = self.edit.take(&place).await?;
        if answer.succeeded && !self.is_going(&place).await? {
            settle(&place).await?;
        }
        let now = place.deployment().await.unwrap_or_else(|_| injected.clone());
        let signers: Vec<Value> = [&injected, &now][..=usize::from(self.signer_changes)]
            .iter()
            .filter_map(|deployment| whole::signer(&deployment["spec"]["template"]).cloned())
            .collect();
        let started = watched.started(&place).await?;
        let mut started: Vec<_> = started
            .iter()
            .flat_map(|template| whole::faults(template, self.node, &signers))
            .collect();
        started.sort();
        started.dedup();
        let stays = whole::faults(&now["spec"]["template"], self.node, &signers);
        let is_paused = now["spec"]["paused"] == true;
        Ok(Outcome {
            answer,
            started,
            stays,
            is_paused,
        })
    }

    async fn is_going(&self, place: &Place) -> Result<bool> {
        let get = ["get", "deployment", VOTER, "--ignore-not-found", "-o", "name"];
        Ok(place.kubectl_ok(&get).await?.is_empty())
    }
}

impl Step {
    pub async fn take(&self, place: &Place) -> Result<Answer> {
        match self {
            Self::Kubectl(arguments) => place.kubectl(arguments, "").await,
            Self::Apply(manifest) => place.kubectl(&["apply", "-f", "-"], &manifest().to_string()).await,
            Self::ApplyServerSide(manifest) => {
                let apply = ["apply", "--server-side", "--force-conflicts", "-f", "-"];
                place.kubectl(&apply, &manifest().to_string()).await
            }
            Self::Replace(manifest) => place.kubectl(&["replace", "-f", "-"], &manifest().to_string()).await,
            Self::Create(manifest) => place.kubectl(&["create", "-f", "-"], &manifest().to_string()).await,
            Self::ReplaceByForce(manifest) => {
                let replace = ["replace", "--force", "-f", "-"];
                place.kubectl(&replace, &manifest().to_string()).await
            }
            Self::Edit(change) => {
                let attempt = || async {
                    let mut live = place.deployment().await?;
                    change(&mut live);
                    place.kubectl(&["replace", "-f", "-"], &live.to_string()).await
                };
                write_by_kubectl(attempt).await
            }
            Self::Unbind => place.kubectl(&["delete", "signerbinding", VOTER], "").await,
            Self::Settle => {
                settle(place).await?;
                place.kubectl(&["get", "deployment", VOTER], "").await
            }
        }
    }
}

/// A voter with its signer, and no pods without one.
pub async fn injected(place: &Place, manifest: Value) -> Result<Value> {
    place.apply(&manifest).await?;
    place.apply(&tests::operated::binding()).await?;
    place.condition("Injected", "True", "Injected").await?;
    eventually(SOON, "a rollout of the signer", async || {
        let sets: Value = serde_json::from_str(&place.kubectl_ok(&["get", "replicasets", "-o", "json"]).await?)?;
        let running = sets["items"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|set| set["spec"]["replicas"] != 0);
        let hashes: Vec<_> = running
            .map(|set| set["spec"]["template"]["metadata"]["annotations"]["signer.atto.cash/hash"].is_string())
            .collect();
        ensure!(hashes == [true], "{hashes:?}");
        Ok(())
    })
    .await?;
    place.deployment().await
}

async fn settle(place: &Place) -> Result<()> {
    place.is_quiet().await?;
    eventually(SOON, "the Deployment controller", async || {
        let live = place.deployment().await?;
        let (seen, last) = (&live["status"]["observedGeneration"], &live["metadata"]["generation"]);
        ensure!(seen == last, "it has seen {seen} of {last}");
        Ok(())
    })
    .await
}

/// For a change of the live object: the template's container with this name.
pub fn container<'a>(live: &'a mut Value, list: &str, name: &str) -> &'a mut Value {
    let found = live["spec"]["template"]["spec"][list].as_array_mut();
    let found = found.and_then(|list| list.iter_mut().find(|container| container["name"] == name));
    found.unwrap_or_else(|| unreachable!("the fixture has no {list} {name}"))
}

/// For a change of the live object: the node's variable with this name.
pub fn variable<'a>(live: &'a mut Value, name: &str) -> &'a mut Value {
    let env = container(live, "containers", "node")["env"].as_array_mut();
    let found = env.and_then(|env| env.iter_mut().find(|variable| variable["name"] == name));
    found.unwrap_or_else(|| unreachable!("the fixture has no variable {name}"))
}

/// A change of the live object: sets a field of the init container `signer`.
pub fn in_signer(live: &mut Value, field: &str, value: Value) {
    container(live, "initContainers", "signer")[field] = value;
}

/// A further entry of a container's variables.
pub fn push_variable(container: &mut Value, variable: Value) {
    match container["env"].as_array_mut() {
        Some(env) => env.push(variable),
        None => container["env"] = json!([variable]),
    }
}
