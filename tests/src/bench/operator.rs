//! How soon the operator acts on a binding, and how many writes that takes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use anyhow::{Result, ensure};
use crds::SignerBinding;
use k8s_openapi::api::apps::v1::Deployment;
use kube::Api;
use kube::api::{Patch, PatchParams};

use super::held::held;
use super::{PATIENCE, median, milliseconds, row, table, worst};
use crate::eventually;
use crate::operated::{Place, VOTER, binding, voter};
use crate::pods::{self, Kubelet};
use crate::write::write;

/// Sequentially. The first one is not counted.
const BINDINGS: usize = 15;

/// Writes to each resource.
type Writes = BTreeMap<String, f64>;

struct Bound {
    /// From sending the binding to seeing the injected Deployment.
    seconds: f64,
    until_injected: Writes,
    until_ready: Writes,
}

/// Measures the operator with a real API server, and prints the tables.
pub async fn operator() -> Result<()> {
    bind().await?;
    let mut bound = Vec::new();
    for _ in 0..BINDINGS {
        bound.push(bind().await?);
    }
    let seconds: Vec<_> = bound.iter().map(|one| one.seconds).collect();
    let held = held(BINDINGS).await?;

    println!("operator at a real API server, {BINDINGS} bindings one after the other\n");
    let mut rows = vec![
        row(["operator", "median", "worst", "aim"]),
        row([
            "apply of a binding to the injected Deployment",
            &milliseconds(median(&seconds)),
            &milliseconds(worst(&seconds)),
            "under 300 ms",
        ]),
    ];
    if !held.is_empty() {
        rows.push(row([
            "apply of a Deployment that is held to the resumed one",
            &milliseconds(median(&held)),
            &milliseconds(worst(&held)),
            "under 300 ms",
        ]));
    }
    table::print(&rows);
    println!();
    let mut rows = vec![row([
        "writes per binding, medians",
        "until Injected",
        "until Ready",
        "aim until Injected",
    ])];
    let resources: BTreeSet<_> = bound.iter().flat_map(|one| one.until_ready.keys()).collect();
    for resource in resources {
        let median_of = |writes: fn(&Bound) -> &Writes| {
            let counts: Vec<_> = bound
                .iter()
                .map(|one| writes(one).get(resource).copied().unwrap_or(0.0))
                .collect();
            format!("{:.0}", median(&counts))
        };
        let aim = match resource.as_str() {
            "deployments" | "services" | "signerbindings/status" => "1",
            _ => "",
        };
        rows.push(row([
            resource,
            &median_of(|one| &one.until_injected),
            &median_of(|one| &one.until_ready),
            aim,
        ]));
    }
    table::print(&rows);
    Ok(())
}

/// A voter in a namespace of its own gets a binding. Returns when its pods are ready.
async fn bind() -> Result<Bound> {
    let place = Place::new("bench").await?;
    pods::default_account(&place.client, &place.namespace).await?;
    place.apply(&voter()).await?;
    pods::roll_out(&place.client, &place.namespace, VOTER).await?;
    let bindings: Api<SignerBinding> = Api::namespaced(place.client.clone(), &place.namespace);
    let deployments: Api<Deployment> = Api::namespaced(place.client.clone(), &place.namespace);

    let started = Instant::now();
    let (ours, applied) = (PatchParams::apply("bench"), Patch::Apply(binding()));
    write(|| bindings.patch(VOTER, &ours, &applied)).await?;
    while !is_injected(&deployments.get(VOTER).await?) {
        ensure!(
            started.elapsed() < PATIENCE,
            "the Deployment was not injected in {} s",
            PATIENCE.as_secs()
        );
    }
    let seconds = started.elapsed().as_secs_f64();
    is_true(&bindings, "Injected").await?;
    let until_injected = writes_in(&place)?;
    let _kubelet = Kubelet::play(place.client.clone(), &place.namespace);
    is_true(&bindings, "Ready").await?;
    Ok(Bound {
        seconds,
        until_injected,
        until_ready: writes_in(&place)?,
    })
}

async fn is_true(bindings: &Api<SignerBinding>, type_: &str) -> Result<()> {
    eventually(PATIENCE, &format!("the binding's {type_}"), async || {
        let status = bindings.get(VOTER).await?.status.unwrap_or_default();
        let found = status.conditions.iter().find(|condition| condition.type_ == type_);
        ensure!(found.is_some_and(|found| found.status == "True"), "{found:?}");
        Ok(())
    })
    .await
}

pub fn is_injected(deployment: &Deployment) -> bool {
    let template = deployment
        .spec
        .as_ref()
        .and_then(|spec| spec.template.metadata.as_ref());
    let annotations = template.and_then(|metadata| metadata.annotations.as_ref());
    annotations.is_some_and(|annotations| annotations.contains_key(crds::names::HASH_ANNOTATION))
}

/// The operator's writes so far, from the API server's audit log.
fn writes_in(place: &Place) -> Result<Writes> {
    let mut writes = Writes::new();
    for request in place
        .requests_of_operator()?
        .iter()
        .filter(|request| request.is_write())
    {
        *writes.entry(request.resource()).or_default() += 1.0;
    }
    Ok(writes)
}
