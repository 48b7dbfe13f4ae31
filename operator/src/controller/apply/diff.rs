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

/// Other users can add lines to the live signer, and the search for common lines takes memory by the product of both lengths.
const MOST_COMPARED: usize = 1_000_000;

/// All lines, each with a mark: unchanged, removed or added.
fn changes<'a>(old: &'a [String], new: &'a [String]) -> Vec<(char, &'a str)> {
    let same = |(one, other): &(&String, &String)| one == other;
    let head = old.iter().zip(new).take_while(same).count();
    let (old_rest, new_rest) = (&old[head..], &new[head..]);
    let tail = old_rest
        .iter()
        .rev()
        .zip(new_rest.iter().rev())
        .take_while(same)
        .count();
    let (old_middle, end) = old_rest.split_at(old_rest.len() - tail);
    let new_middle = &new_rest[..new_rest.len() - tail];
    let marked = |mark: char| move |line: &'a String| (mark, line.as_str());
    let middle = if old_middle.len() * new_middle.len() > MOST_COMPARED {
        let removed = old_middle.iter().map(marked('-'));
        removed.chain(new_middle.iter().map(marked('+'))).collect()
    } else {
        compared(old_middle, new_middle)
    };
    let unchanged = old[..head].iter().map(marked(' '));
    unchanged.chain(middle).chain(end.iter().map(marked(' '))).collect()
}

/// By the longest common subsequence.
fn compared<'a>(old: &'a [String], new: &'a [String]) -> Vec<(char, &'a str)> {
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

    #[test]
    fn a_signer_with_very_many_lines_is_compared_within_bounds() {
        let deployment = |first: usize, image: &str| {
            let args: Vec<_> = (first..first + 50_000).map(|number| number.to_string()).collect();
            LiveDeployment::new(json!({"metadata": {"name": "voter"}, "spec": {"template": {"spec": {
                "initContainers": [{"name": "signer", "args": args, "image": image}],
            }}}}))
        };
        let text = diff(&deployment(0, "old"), &deployment(0, "new"), "node");
        assert_eq!(text.lines().count(), 4, "only the image: {text}");
        let text = diff(&deployment(0, "old"), &deployment(100_000, "new"), "node");
        assert!(text.contains("-   - '0'\n") && text.contains("+   - '149999'\n"));
    }
}
