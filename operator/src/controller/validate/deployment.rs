//! Decides whether this Deployment can get the signer. Each refusal is determined before anything is written.

use crds::conditions::reasons;
use crds::names::{DEFAULT_NODE_CONTAINER, FIELD_MANAGER, SIGNER_CONTAINER};
use crds::{DeletionPolicy, Effective};
use serde_json::Value;

use crate::backends::Mounts;
use crate::model::deployment::{ContainerList, LiveDeployment, ManagedFields};
use crate::model::injection::{Injection, SignerOrigin};
use crate::model::observed::{ObservedTarget, Selection};
use crate::model::reason::Reason;
use crate::template::variables::node_variables;
use crate::template::volumes;
use crate::template::voter::{other_voter, same_source};

pub fn present(target: &ObservedTarget) -> Result<&LiveDeployment, Reason> {
    let name = &target.name;
    match &target.deployment {
        None => Err(Reason::new(
            reasons::DEPLOYMENT_NOT_FOUND,
            format!(
                "spec.target.name: found no Deployment {name} in this namespace. The operator injects it as soon as it exists"
            ),
        )),
        Some(live) if live.is_terminating() => Err(Reason::new(
            reasons::DEPLOYMENT_TERMINATING,
            format!("Deployment {name} is being deleted"),
        )),
        Some(live) => Ok(live),
    }
}

/// The refusal of a Deployment that no longer matches.
pub fn no_longer_selected(target: &ObservedTarget, policy: DeletionPolicy) -> Reason {
    let what = match (policy, target.selection) {
        (DeletionPolicy::Retain, _) | (_, Selection::LetGo) => {
            "it keeps its signer, because deletionPolicy is Retain. To bind it again, restore the labels of spec.target.selector"
        }
        (DeletionPolicy::Remove, _) => "its signer is removed, because deletionPolicy is Remove",
    };
    Reason::new(
        reasons::NO_LONGER_SELECTED,
        format!(
            "Deployment {} no longer matches spec.target.selector: {what}",
            target.name
        ),
    )
}

pub fn signer_origin(live: &LiveDeployment) -> Result<SignerOrigin, Reason> {
    if live.container(ContainerList::Containers, SIGNER_CONTAINER).is_some() {
        return Err(foreign_signer(live, "containers"));
    }
    let Some(found) = live.signer() else {
        return Ok(SignerOrigin::Absent);
    };
    if live.owns_signer() {
        Ok(SignerOrigin::Ours)
    } else if live.injected_hash().is_some() || live.is_signer_of_nobody() {
        Ok(SignerOrigin::Unrecorded { found: found.clone() })
    } else {
        Err(foreign_signer(live, "initContainers"))
    }
}

/// The refusal of a volume that has one of the operator's names but is not the operator's. A volume that another container mounts
/// is not the operator's, whatever its content.
pub fn volumes_are_free(live: &LiveDeployment, mounts: &Mounts) -> Result<(), Reason> {
    let of_signer = volumes::of_signer(live);
    let is_taken = |wanted: &&Value| {
        let name = wanted["name"].as_str().unwrap_or_default();
        let is_ours = live.ours().is_some_and(|ours| ours.owns_volume(name))
            || of_signer.iter().any(|volume| volume["name"] == name);
        let is_as_ours =
            |found: &Value| volumes::is_same(found, wanted) && volumes::exposures(live, &[name]).is_empty();
        !is_ours && live.volume(name).is_some_and(|found| !is_as_ours(found))
    };
    match mounts.volumes.iter().find(is_taken) {
        None => Ok(()),
        Some(wanted) => Err(Reason::new(
            reasons::VOLUME_CONFLICT,
            format!(
                "Deployment {}: found a volume {}, whose name is reserved for the signer's volume. Rename it in the manifest, in volumes and in volumeMounts",
                live.name(),
                wanted["name"].as_str().unwrap_or_default()
            ),
        )),
    }
}

/// The refusal of a container called `signer` that is not the operator's.
pub fn foreign_signer(live: &LiveDeployment, list: &str) -> Reason {
    Reason::new(
        reasons::FOREIGN_SIGNER,
        format!(
            "Deployment {}: found a container `{SIGNER_CONTAINER}` of its own in {list}. To migrate without losing a vote: pause the Deployment, remove that container from the manifest, apply, wait for Injected, resume",
            live.name()
        ),
    )
}

/// A signer that another binding left behind is a voter with another key or token, and must not change by accident.
pub fn take_over(live: &LiveDeployment, injection: &Injection, was_ours: bool) -> Option<Reason> {
    if injection.signer != SignerOrigin::Ours || was_ours {
        return None;
    }
    let name = other_voter(live, &injection.key, &injection.token)?;
    Some(Reason::new(
        reasons::TAKE_OVER_PENDING,
        format!(
            "Deployment {}: found the signer of another binding, with another {name}. Use the same key and token reference, or create the earlier binding again: nothing restarts then. To end the earlier voter, scale the Deployment to 0, create the earlier binding again with deletionPolicy Remove, and delete it. To change the voter's address or token, which replaces its pod, approve status.plan",
            live.name()
        ),
    ))
}

pub fn node_container(live: &LiveDeployment, wanted: Option<&str>) -> Result<String, Reason> {
    let names: Vec<_> = live
        .containers(ContainerList::Containers)
        .iter()
        .filter_map(|container| container["name"].as_str())
        .collect();
    let found = match (wanted, names.as_slice()) {
        (Some(wanted), _) => names.iter().find(|name| **name == wanted),
        (None, [only]) => Some(only),
        (None, _) => names.iter().find(|name| **name == DEFAULT_NODE_CONTAINER),
    };
    found.map(|name| (*name).to_owned()).ok_or_else(|| {
        let expected = match wanted {
            Some(wanted) => format!("spec.target.container: found {wanted}"),
            None => format!("spec.target.container: not set, and no container is called {DEFAULT_NODE_CONTAINER}"),
        };
        Reason::new(
            reasons::CONTAINER_NOT_FOUND,
            format!(
                "{expected}, expected one of the containers of Deployment {}: {}. Name one of them; if the manifest is about to rename it, pause the Deployment, change both, wait for Injected, resume",
                live.name(),
                names.join(", ")
            ),
        )
    })
}

/// Two containers that listen on the same port fail at run time, so this is refused earlier.
pub fn ports_are_free(live: &LiveDeployment, effective: &Effective) -> Result<(), Reason> {
    let running = live.containers(ContainerList::Containers).iter().chain(
        live.containers(ContainerList::InitContainers)
            .iter()
            .filter(|container| container["restartPolicy"] == "Always" && container["name"] != SIGNER_CONTAINER),
    );
    for container in running {
        let ports = container["ports"].as_array().into_iter().flatten();
        for port in ports.filter(|port| port["protocol"].as_str().unwrap_or("TCP") == "TCP") {
            let (field, number) = match port["containerPort"].as_i64() {
                Some(number) if number == i64::from(effective.api_port) => ("spec.signer.ports.api", number),
                Some(number) if number == i64::from(effective.management_port) => {
                    ("spec.signer.ports.management", number)
                }
                _ => continue,
            };
            return Err(Reason::new(
                reasons::PORT_CONFLICT,
                format!(
                    "Port {number}: container {} of Deployment {} already declares it. Choose another port in {field}",
                    container["name"].as_str().unwrap_or_default(),
                    live.name()
                ),
            ));
        }
    }
    Ok(())
}

/// A variable with another value belongs to the manager that wrote it, unless the operator wrote it: now, or before a rollback
/// that restored it.
pub fn variables_agree(live: &LiveDeployment, injection: &Injection) -> Result<(), Reason> {
    let container = injection.node_container.as_str();
    let Some(node) = live.container(ContainerList::Containers, container) else {
        return Ok(());
    };
    for wanted in node_variables(injection) {
        let name = wanted["name"].as_str().unwrap_or_default();
        let differs = node["env"]
            .as_array()
            .into_iter()
            .flatten()
            .any(|entry| entry["name"] == wanted["name"] && !same_source(entry, &wanted));
        let mut others = holders_but_us(live, container, name).peekable();
        let is_ours = if others.peek().is_none() {
            live.ours()
                .is_some_and(|ours| ours.owns_variable_value(container, name))
        } else {
            others.all(|entry| entry.is_of_a_rollback())
        };
        if differs && !is_ours {
            return Err(Reason::new(
                reasons::FIELD_CONFLICT,
                format!(
                    "Container {container}: env {name} has another value, written by {}, expected {}. Remove it from the manifest or give it that value",
                    holders(live, container, name),
                    expected(&wanted)
                ),
            ));
        }
    }
    Ok(())
}

fn holders_but_us<'a>(
    live: &'a LiveDeployment,
    container: &'a str,
    variable: &'a str,
) -> impl Iterator<Item = ManagedFields<'a>> {
    live.managed_fields()
        .filter(move |entry| entry.manager != FIELD_MANAGER && entry.decides_variable(container, variable))
}

/// The field managers that own a variable.
fn holders(live: &LiveDeployment, container: &str, variable: &str) -> String {
    let names: Vec<_> = holders_but_us(live, container, variable)
        .map(|entry| format!("field manager {} ({})", entry.manager, entry.operation))
        .collect();
    if names.is_empty() {
        "the manifest".to_owned()
    } else {
        names.join(" and ")
    }
}

fn expected(wanted: &Value) -> String {
    if let Some(value) = wanted["value"].as_str() {
        return format!("\"{value}\"");
    }
    let reference = &wanted["valueFrom"]["secretKeyRef"];
    format!(
        "key {} of Secret {}",
        reference["key"].as_str().unwrap_or_default(),
        reference["name"].as_str().unwrap_or_default()
    )
}
