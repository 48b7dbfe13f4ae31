//! Circles: modules that use each other, directly or through others.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// The shortest circle, then the shortest in the rest without its edges, until there is none: the minimum number to break. Each
/// begins with its smallest module, and the last one uses the first.
pub fn circles<T: Ord + Copy>(edges: impl IntoIterator<Item = (T, T)>) -> Vec<Vec<T>> {
    let mut graph: BTreeMap<T, BTreeSet<T>> = BTreeMap::new();
    for (from, to) in edges {
        graph.entry(from).or_default().insert(to);
    }
    let mut found = Vec::new();
    while let Some(circle) = shortest(&graph) {
        for (at, from) in circle.iter().enumerate() {
            let to = circle[(at + 1) % circle.len()];
            graph.entry(*from).or_default().remove(&to);
        }
        found.push(circle);
    }
    found
}

fn shortest<T: Ord + Copy>(graph: &BTreeMap<T, BTreeSet<T>>) -> Option<Vec<T>> {
    let through_each = graph.keys().filter_map(|start| through(graph, *start));
    // Of circles with equal length, the one with the smallest beginning.
    through_each.min_by_key(Vec::len)
}

/// The shortest path from `start` back to it.
fn through<T: Ord + Copy>(graph: &BTreeMap<T, BTreeSet<T>>, start: T) -> Option<Vec<T>> {
    let mut before: BTreeMap<T, T> = BTreeMap::new();
    let mut waiting = VecDeque::from([start]);
    while let Some(from) = waiting.pop_front() {
        for to in graph.get(&from).into_iter().flatten() {
            if *to == start {
                let mut way = vec![from];
                while let Some(previous) = before.get(way.last()?) {
                    way.push(*previous);
                }
                way.reverse();
                return Some(way);
            }
            if !before.contains_key(to) {
                before.insert(*to, from);
                waiting.push_back(*to);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::circles;

    #[test]
    fn arrows_one_way_are_none() {
        assert!(circles([(1, 2), (1, 3), (2, 3)]).is_empty());
    }

    #[test]
    fn the_shortest_comes_first_and_each_step_is_told_once() {
        let edges = [(1, 2), (2, 3), (3, 1), (3, 4), (4, 3), (4, 5)];
        assert_eq!(circles(edges), vec![vec![3, 4], vec![1, 2, 3]]);
    }

    #[test]
    fn a_circle_that_shares_a_step_with_another_is_told_of_when_that_one_is_open() {
        let edges = [(1, 2), (2, 1), (2, 3), (3, 1)];
        assert_eq!(circles(edges), vec![vec![1, 2]]);
    }
}
