//! Steps that need more than one node: the operators run in different zones, and a drain moves the pods of a node to
//! others.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::super::Suite;
use super::super::cluster::{OPERATOR, PATIENCE};
use super::change;
use super::start::leader;
use crate::eventually;

const ZONE: &str = "topology.kubernetes.io/zone";
const OPERATORS: &str = "app.kubernetes.io/name=signer-operator";

/// The operators run in different zones, if there are several.
pub async fn spread(suite: &Suite) -> Result<()> {
    let nodes = schedulable(suite).await?;
    let zone_of = |name: &str| {
        let node = nodes.iter().find(|node| node["metadata"]["name"] == name)?;
        node["metadata"]["labels"][ZONE].as_str()
    };
    let zones: BTreeSet<_> = nodes
        .iter()
        .filter_map(|node| node["metadata"]["labels"][ZONE].as_str())
        .collect();
    if zones.len() < 2 {
        suite.holds("left out: operators in different zones, because this cluster has one");
        return Ok(());
    }
    let selector = format!("--selector={OPERATORS}");
    let pods = list(suite, &["--namespace", OPERATOR, "get", "pods", &selector]).await?;
    let used: BTreeSet<_> = pods.iter().map(node_of).filter_map(|name| zone_of(&name)).collect();
    ensure!(
        used.len() == 2,
        "the {} operators are in {used:?}, expected two zones",
        pods.len()
    );
    suite.holds("the two operators are in different zones");
    Ok(())
}

/// The voter's node is drained, then the leader's. With two nodes, all pods run on one of them after the first drain.
pub async fn drained(suite: &Suite) -> Result<()> {
    let cluster = &suite.cluster;
    if schedulable(suite).await?.len() < 2 {
        let node = node_of(&suite.ready_pod().await?);
        drain(suite, &node, "app=voter").await?;
        cluster.kubectl(&["uncordon", &node]).await?;
        signs(suite).await?;
        suite.holds("the node is drained and uncordoned (left out: a takeover by another node, because this cluster has only one)");
        return Ok(());
    }
    let sets = cluster.replica_sets().await?;
    let of_voter = node_of(&suite.ready_pod().await?);
    leave(suite, &of_voter).await?;
    suite.holds("the voter's node is drained: the voter moves, no vote lost, and signs again");
    let of_leader = node_of_leader(suite).await?;
    leave(suite, &of_leader).await?;
    suite.holds("the leader's node is drained: another operator leads, and the voter signs");
    ensure!(
        cluster.replica_sets().await? == sets,
        "a drain led to another template of the voter"
    );
    Ok(())
}

/// Drains a node, and uncordons it once voter and operator run on other nodes.
async fn leave(suite: &Suite, node: &str) -> Result<()> {
    let cluster = &suite.cluster;
    let (has_voter, has_leader) = (
        node_of(&suite.ready_pod().await?) == node,
        node_of_leader(suite).await? == node,
    );
    let (reports, led_by) = (cluster.reported().await?, leader(suite).await?);
    // Both at once, as a drain of all pods does. Other pods stay.
    tokio::try_join!(drain(suite, node, "app=voter"), drain(suite, node, OPERATORS))?;
    if has_voter {
        let last = cluster.next_report(reports).await?;
        ensure!(
            last["lost"] == 0 && last["invalid"] == 0 && last["pending"] == 0,
            "{last}"
        );
    }
    if has_leader {
        eventually(PATIENCE, "another leader", async || {
            let now = leader(suite).await?;
            ensure!(now != led_by && !now.is_empty(), "{now:?} leads");
            Ok(())
        })
        .await?;
    }
    // A new generation of the binding with the same content, so that a running operator writes its status.
    let binding = cluster.get("signerbinding", "voter").await?;
    let suspend = binding["spec"]["suspend"].is_null().then_some(false);
    change(suite, &json!({"spec": {"suspend": suspend}})).await?;
    let pod = signs(suite).await?;
    for there in [node_of(&pod), node_of_leader(suite).await?] {
        ensure!(there != node, "a pod is on {node}, which is drained");
    }
    cluster.kubectl(&["uncordon", node]).await.map(drop)
}

async fn signs(suite: &Suite) -> Result<Value> {
    for condition in ["Ready", "Signing"] {
        suite.cluster.condition(condition, "True", condition).await?;
    }
    let pod = suite.ready_pod().await?;
    suite.signs(&pod, 20).await?;
    Ok(pod)
}

async fn drain(suite: &Suite, node: &str, pods: &str) -> Result<()> {
    let pods = format!("--pod-selector={pods}");
    let drain = ["drain", node, "--ignore-daemonsets", "--force", &pods, "--timeout=100s"];
    suite.cluster.kubectl(&drain).await.map(drop)
}

/// The nodes that accept pods.
async fn schedulable(suite: &Suite) -> Result<Vec<Value>> {
    let mut nodes = list(suite, &["get", "nodes"]).await?;
    nodes.retain(|node| {
        let taints = node["spec"]["taints"].as_array();
        let keeps_off = taints.is_some_and(|taints| taints.iter().any(|taint| taint["effect"] != "PreferNoSchedule"));
        !keeps_off && node["spec"]["unschedulable"] != true
    });
    Ok(nodes)
}

async fn list(suite: &Suite, get: &[&str]) -> Result<Vec<Value>> {
    let text = suite.cluster.kubectl(&[get, &["--output=json"]].concat()).await?;
    let mut found: Value = serde_json::from_str(&text)?;
    Ok(found["items"].as_array_mut().map(std::mem::take).unwrap_or_default())
}

fn node_of(pod: &Value) -> String {
    pod["spec"]["nodeName"].as_str().unwrap_or_default().to_owned()
}

async fn node_of_leader(suite: &Suite) -> Result<String> {
    // The pod's name, followed by text that makes the holder's name unique.
    let holder = leader(suite).await?;
    let (pod, _) = holder
        .rsplit_once('-')
        .with_context(|| format!("found the leader {holder:?}, expected the name of a pod with a suffix"))?;
    let name = ["--output=jsonpath={.spec.nodeName}"];
    let get = ["--namespace", OPERATOR, "get", "pod", pod];
    suite.cluster.kubectl(&[&get[..], &name].concat()).await
}
