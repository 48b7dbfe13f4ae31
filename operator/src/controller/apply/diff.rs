//! The changes to the injected fields of a pod template, as lines of YAML. Pure.

use crds::names::{DEPLOYMENT_LABEL, HASH_ANNOTATION, NODE_VARIABLES};
use serde_json::{Value, json};

use crate::model::deployment::{ContainerList, LiveDeployment};
use crate::template::volumes;

/// Removed and added lines, each with the unchanged line before it.
pub fn diff(before: &LiveDeployment, after: &LiveDeployment, container: &str) -> String {
    let (old, new) = (lines(before, container), lines(after, container));
    let mut text = vec![format!("Deployment {}", before.name())];
    let mut told = None;
    let mut stays = None;
    for (mark, line) in changes(&old, &new) {
        if mark == ' ' {
            stays = Some(line);
            continue;
        }
        if let Some(context) = stays.take().filter(|context| told != Some(*context)) {
            text.push(format!("  {context}"));
            told = Some(context);
        }
        text.push(format!("{mark} {line}"));
    }
    text.join("\n") + "\n"
}

/// Only the operator's fields, because a status must not show values of other owners.
fn lines(live: &LiveDeployment, container: &str) -> Vec<String> {
    let template = &live.raw()["spec"]["template"];
    let env = live
        .container(ContainerList::Containers, container)
        .and_then(|container| container["env"].as_array().cloned())
        .unwrap_or_default();
    let variables: Vec<_> = env
        .into_iter()
        .filter(|entry| NODE_VARIABLES.iter().any(|name| entry["name"] == *name))
        .collect();
    let mut ours = json!({});
    for (map, key) in [("annotations", HASH_ANNOTATION), ("labels", DEPLOYMENT_LABEL)] {
        if let Some(value) = template["metadata"][map][key].as_str() {
            ours[map] = json!({ key: value });
        }
    }
    if !variables.is_empty() {
        ours[format!("container {container}")] = json!({ "env": variables });
    }
    if let Some(signer) = live.signer() {
        ours["initContainer signer"] = signer.clone();
    }
    for volume in volumes::of_signer(live) {
        ours[format!("volume {}", volume["name"].as_str().unwrap_or_default())] = volume.clone();
    }
    if ours.as_object().is_some_and(serde_json::Map::is_empty) {
        return vec![];
    }
    let text = serde_yaml::to_string::<Value>(&ours).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// The longest common subsequence, which is fast enough for a few hundred lines.
fn changes<'a>(old: &'a [String], new: &'a [String]) -> Vec<(char, &'a str)> {
    let mut common = vec![vec![0_usize; new.len() + 1]; old.len() + 1];
    for left in (0..old.len()).rev() {
        for right in (0..new.len()).rev() {
            common[left][right] = if old[left] == new[right] {
                common[left + 1][right + 1] + 1
            } else {
                common[left + 1][right].max(common[left][right + 1])
            };
        }
    }
    let (mut left, mut right) = (0, 0);
    let mut changes = vec![];
    while left < old.len() || right < new.len() {
        if left < old.len() && right < new.len() && old[left] == new[right] {
            changes.push((' ', old[left].as_str()));
            (left, right) = (left + 1, right + 1);
        } else if right == new.len() || (left < old.len() && common[left + 1][right] >= common[left][right + 1]) {
            changes.push(('-', old[left].as_str()));
            left += 1;
        } else {
            changes.push(('+', new[right].as_str()));
            right += 1;
        }
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_what_changes_of_ours_and_nothing_of_others() {
        let deployment = |image: &str| {
            LiveDeployment::new(json!({"metadata": {"name": "voter"}, "spec": {"template": {
                "metadata": {"annotations": {"signer.atto.cash/hash": image, "mine": "private"}},
                "spec": {
                    "containers": [{"name": "node", "image": "private", "env": [
                        {"name": "PASSWORD", "value": "private"},
                        {"name": "ATTO_SIGNER_BACKEND", "value": "REMOTE"},
                    ]}],
                    "initContainers": [{"name": "signer", "image": image}],
                },
            }}}))
        };
        let text = diff(&deployment("old"), &deployment("new"), "node");
        assert!(text.starts_with("Deployment voter\n"), "{text}");
        for line in ["-   image: old", "+   image: new"] {
            assert!(
                text.lines().any(|found| found == line),
                "`{line}` is missing in:\n{text}"
            );
        }
        assert!(!text.contains("private") && !text.contains("REMOTE"), "{text}");
        let bare = LiveDeployment::new(json!({"metadata": {"name": "voter"}}));
        let all = diff(&bare, &deployment("new"), "node");
        assert!(
            all.contains("+     - name: ATTO_SIGNER_BACKEND") || all.contains("+   - name: ATTO_SIGNER_BACKEND"),
            "{all}"
        );
    }
}
