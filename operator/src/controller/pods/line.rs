//! Decides which signer is queried next. Pure.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

/// Pods that wait for a query, by namespace, and those that are being queried. Namespaces take turns, so that thousands of silent
/// pods in one namespace delay no voter in another.
pub struct Line<T> {
    waiting: BTreeMap<String, VecDeque<T>>,
    /// Number of running queries in a namespace, and its last turn.
    turns: HashMap<String, (usize, u64)>,
    asked: HashSet<String>,
    turn: u64,
}

/// An entry that waits in line.
pub trait Waits {
    fn namespace(&self) -> &str;
    fn uid(&self) -> &str;
}

impl<T: Waits> Line<T> {
    pub fn empty() -> Self {
        Self {
            waiting: BTreeMap::new(),
            turns: HashMap::new(),
            asked: HashSet::new(),
            turn: 0,
        }
    }

    /// The number of running queries.
    pub fn asked(&self) -> usize {
        self.asked.len()
    }

    /// Replaces the waiting entries, in this order within each namespace. Entries with a running query are skipped.
    pub fn set(&mut self, due: impl IntoIterator<Item = T>) {
        self.waiting.clear();
        for each in due {
            if !self.asked.contains(each.uid()) {
                let of_namespace = self.waiting.entry(each.namespace().to_owned()).or_default();
                of_namespace.push_back(each);
            }
        }
        let Self { waiting, turns, .. } = self;
        turns.retain(|namespace, (asked, _)| *asked > 0 || waiting.contains_key(namespace));
    }

    /// Takes the next entry: the first of the namespace with the fewest running queries that has waited longest.
    pub fn take(&mut self) -> Option<T> {
        let turns = &self.turns;
        let of = |namespace: &String| turns.get(namespace).copied().unwrap_or_default();
        let namespace = self.waiting.keys().min_by_key(|namespace| of(namespace))?.clone();
        let mut of_namespace = self.waiting.remove(&namespace)?;
        let next = of_namespace.pop_front()?;
        if !of_namespace.is_empty() {
            self.waiting.insert(namespace.clone(), of_namespace);
        }
        self.turn += 1;
        let turn = self.turns.entry(namespace).or_default();
        *turn = (turn.0 + 1, self.turn);
        self.asked.insert(next.uid().to_owned());
        Some(next)
    }

    /// The query has ended, with or without an answer.
    pub fn done(&mut self, each: &T) {
        if self.asked.remove(each.uid())
            && let Some((asked, _)) = self.turns.get_mut(each.namespace())
        {
            *asked = asked.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Debug, PartialEq, Eq)]
    struct Each(&'static str, String);

    impl Waits for Each {
        fn namespace(&self) -> &str {
            self.0
        }

        fn uid(&self) -> &str {
            &self.1
        }
    }

    fn many(namespace: &'static str, count: usize) -> impl Iterator<Item = Each> {
        (0..count).map(move |number| Each(namespace, format!("{namespace}-{number}")))
    }

    fn names(line: &mut Line<Each>, count: usize) -> Vec<&'static str> {
        (0..count).filter_map(|_| line.take()).map(|each| each.0).collect()
    }

    #[test]
    fn thousands_of_one_namespace_do_not_hold_up_another() {
        let mut line = Line::empty();
        line.set(many("a", 5000));
        let first = line.take().unwrap();
        assert_eq!(names(&mut line, 31), ["a"; 31]);
        assert_eq!(line.asked(), 32);
        // A slot becomes free after the others are queued.
        line.set(many("a", 5000).chain(many("b", 1)).chain(many("c", 1)));
        line.done(&first);
        assert_eq!(names(&mut line, 3), ["b", "c", "a"]);
    }

    #[test]
    fn namespaces_take_turns_and_nobody_is_asked_twice_at_a_time() {
        let mut line = Line::empty();
        line.set(many("a", 3).chain(many("b", 3)));
        assert_eq!(names(&mut line, 4), ["a", "b", "a", "b"]);
        line.set(many("a", 3).chain(many("b", 3)));
        let last = [line.take().unwrap(), line.take().unwrap()];
        assert_eq!(last.clone().map(|each| each.1), ["a-2", "b-2"]);
        assert_eq!(line.take(), None);
        line.done(&last[0]);
        line.set(many("a", 3));
        assert_eq!(line.take().as_ref(), Some(&last[0]));
        line.set([]);
        assert_eq!(line.take(), None);
    }

    #[test]
    fn a_namespace_that_was_served_last_waits_for_the_others() {
        let mut line = Line::empty();
        line.set(many("a", 5).chain(many("z", 5)));
        for expected in ["a", "z", "a", "z"] {
            let next = line.take().unwrap();
            assert_eq!(next.0, expected);
            line.done(&next);
        }
    }
}
